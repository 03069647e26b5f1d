"""The index of candidates that a setting names."""

from lookalike.aws_vectors import VectorService, vectors_client
from lookalike.index.lance_index import LanceIndex
from lookalike.index.port import CandidateIndex, entries_name, name_of
from lookalike.index.vectors_index import S3VectorsIndex
from lookalike.layout import Layout


def open_index(
    place: str, fingerprint: str, layout: Layout, *, threads: int = 2, deadline_s: float = 60
) -> CandidateIndex:
    """The index at a place, ``lancedb:<folder or s3://bucket/prefix>`` or ``s3vectors:<bucket>/<index>``. Makes no request.

    ``deadline_s``: how long calls of S3 Vectors are repeated while it is busy. ``threads``: of LanceDB.
    Raises ValueError where the place is none.
    """
    kind, _, location = place.partition(":")
    name = name_of(kind, location, fingerprint, layout)
    match kind:
        case "lancedb" if location:
            # Not of the place: a folder may be moved.
            table = entries_name(fingerprint, layout)
            return LanceIndex(location, table, layout.dimensions, name=name, threads=threads)
        case "s3vectors" if location.count("/") == 1 and all(location.split("/")):
            bucket, index = location.split("/")
            service = VectorService(vectors_client(read_timeout_s=min(20, deadline_s)), deadline_s=deadline_s)
            return S3VectorsIndex(service, bucket, index, layout.dimensions, name=name)
    raise ValueError(
        f"{place!r} is no index: give lancedb:<folder or s3://bucket/prefix> or s3vectors:<bucket>/<index>"
    )
