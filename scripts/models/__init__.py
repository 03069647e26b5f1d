"""Obtaining embedding models."""
