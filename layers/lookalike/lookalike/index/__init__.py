"""Candidates from an index: a narrow port, and adapters of engines that exist. The store stays the only truth."""
