"""Quantised embeddings: int8 codes and bounds of the distances between them."""
