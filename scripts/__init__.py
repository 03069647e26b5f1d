"""Commands, one a file, run as `python -m scripts.NAME`; the folders hold what they share."""
