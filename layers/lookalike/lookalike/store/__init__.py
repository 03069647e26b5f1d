"""The embeddings store: immutable objects, segments, manifests, snapshots."""
