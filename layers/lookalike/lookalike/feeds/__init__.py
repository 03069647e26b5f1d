"""Product data files: how they are read, and the words that shop systems use in them."""
