"""How well the answers fit: measures over a labelled catalogue, beside baselines."""
