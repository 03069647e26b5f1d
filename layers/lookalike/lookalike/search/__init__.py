"""Exact k-nearest neighbours over a snapshot."""
