"""Search: a photo, or a product of the catalogue, in; the products that look most like it out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import ImageError, NotFound
from lookalike.layout import Weights
from lookalike.photos.embedder import Embedder
from lookalike.search.knn import Neighbour, nearest_products
from lookalike.search.timings import Timings
from lookalike.store.records import text_hash
from lookalike.store.snapshot import Snapshot

MAX_QUERY_PHOTOS = 32
"""Photos of one product that ``similar`` searches with: they share one scan, which takes about ten times that of one photo."""


@dataclass(frozen=True, slots=True)
class Results:
    """Products, nearest first, and how they were found.

    ``metadata``: of each neighbour's product, by product id. ``query_photos``: the photos that were searched with;
    ``query_photos_skipped``: further photos of the product, beyond ``MAX_QUERY_PHOTOS``. The rows are those of
    ``knn.Answer``.
    """

    neighbours: tuple[Neighbour, ...]
    metadata: Mapping[str, Mapping[str, str]]
    query_photos: int
    query_photos_skipped: int
    rows_scanned: int
    rows_refined: int
    rows_exact: int


def search(
    snapshot: Snapshot,
    embedder: Embedder,
    photo: bytes,
    *,
    k: int,
    weights: Weights | None = None,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Results:
    """The k products that look most like a shopper's photo.

    ``weights``, ``executor``: see ``nearest_products``. ``timings`` receives the stages embed, search and metadata beside those of
    ``nearest_products``. Raises ImageError where the photo cannot be used, StoreError.
    """
    timings = timings or Timings()
    with timings.stage("embed"):
        (embedding,) = embedder.embed([photo])
    if isinstance(embedding, ImageError):
        raise embedding
    return _nearest(snapshot, embedding[np.newaxis], k=k, weights=weights, executor=executor, timings=timings)


def similar(
    snapshot: Snapshot,
    product_id: str,
    *,
    k: int,
    weights: Weights | None = None,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Results:
    """The k products that look most like a product of the catalogue, without the product itself.

    All of the product's photos are one search, at most ``MAX_QUERY_PHOTOS``; a neighbour's distance is the smallest to any of
    them. Raises NotFound where the product has no searchable photo, StoreError.
    """
    timings = timings or Timings()
    with timings.stage("read"):
        embeddings, photos = snapshot.embeddings(product_id, at_most=MAX_QUERY_PHOTOS)
    if not photos:
        raise NotFound(f"no photo of product {product_id!r} could be read, so it has no neighbours")
    return _nearest(
        snapshot,
        embeddings,
        k=k,
        weights=weights,
        exclude=[text_hash(product_id)],
        skipped=photos - len(embeddings),
        executor=executor,
        timings=timings,
    )


def _nearest(
    snapshot: Snapshot,
    queries: npt.NDArray[np.float32],
    *,
    k: int,
    weights: Weights | None,
    exclude: Sequence[bytes] = (),
    skipped: int = 0,
    executor: Executor | None,
    timings: Timings,
) -> Results:
    with timings.stage("search"):
        answer = nearest_products(
            snapshot, queries, k=k, weights=weights, exclude=exclude, executor=executor, timings=timings
        )
    with timings.stage("metadata"):
        metadata = snapshot.metadata([neighbour.product_id for neighbour in answer.neighbours])
    return Results(
        answer.neighbours,
        metadata,
        len(queries),
        skipped,
        answer.rows_scanned,
        answer.rows_refined,
        answer.rows_exact,
    )
