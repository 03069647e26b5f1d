"""Compaction and its checks. The only folder that imports scikit-learn."""
