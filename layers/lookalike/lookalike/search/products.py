"""Search: a photo, or a product of the catalogue, in; the products that look most like it out."""

from collections import Counter
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from lookalike.errors import ImageError, NotFound
from lookalike.photos.embedder import Embedder
from lookalike.search.knn import Answer, Neighbour, nearest_products
from lookalike.store.records import text_hash
from lookalike.store.snapshot import Snapshot

MAX_K = 100


def embed_query(embedder: Embedder, image: bytes) -> npt.NDArray[np.float32]:
    """The embedding of a shopper's photo, float32 (dimensions,). Raises ImageError."""
    (embedding,) = embedder.embed([image])
    if isinstance(embedding, ImageError):
        raise embedding
    return embedding


def search(snapshot: Snapshot, query: npt.NDArray[np.float32], *, k: int, executor: Executor | None = None) -> Answer:
    """The k products nearest to an embedding, float32 (dimensions,)."""
    return nearest_products(snapshot, query, k=k, executor=executor)


def similar(snapshot: Snapshot, product_id: str, *, k: int, executor: Executor | None = None) -> Answer:
    """The k products nearest to a product of the catalogue, itself left out.

    Of a product with several photos every photo asks, and a neighbour's distance is the smallest any of them finds.
    Raises NotFound where the product has no searchable photo.
    """
    embeddings = snapshot.embeddings(product_id)
    if not embeddings:
        raise NotFound(f"no photo of product {product_id!r} could be read, so it has no neighbours")
    own = {text_hash(product_id)}
    answers = [nearest_products(snapshot, embedding, k=k, exclude=own, executor=executor) for embedding in embeddings]
    timings: Counter[str] = Counter()
    for answer in answers:
        timings.update(answer.timings_ms)
    found = [neighbour for answer in answers for neighbour in answer.neighbours]
    neighbours: dict[str, Neighbour] = {}
    for neighbour in sorted(found, key=lambda item: (item.distance, item.key)):
        neighbours.setdefault(neighbour.product_id, neighbour)
    return Answer(
        tuple(neighbours.values())[:k],
        sum(answer.rows_scanned for answer in answers),
        sum(answer.rows_refined for answer in answers),
        sum(answer.rows_exact for answer in answers),
        timings,
    )
