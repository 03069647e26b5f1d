"""The Lambda functions, a folder each; Lambda puts the folder itself on the import path."""
