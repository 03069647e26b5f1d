"""Search: a photo, or a product of the catalogue, in; the products that look most like it out."""

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from lookalike.errors import CropTooSmall, ImageError, NotFound
from lookalike.hashes import text_hash
from lookalike.layout import Weights
from lookalike.photos.embedder import Embedder, Embedding
from lookalike.photos.regions import WHOLE, Region, with_windows
from lookalike.search.distinct import Same, distinct_products
from lookalike.search.knn import Answer, Neighbour, nearest_products
from lookalike.search.match import MatchScale, match_scale
from lookalike.search.timings import Timings
from lookalike.store.snapshot import Snapshot

MAX_QUERY_PHOTOS = 32
"""Photos of one product that ``similar`` searches with: they share one scan, which takes about ten times that of one photo."""


class Regions(StrEnum):
    """The regions of a photo to search with: windows, too, of which the nearest to a product counts, or none of them."""

    AUTO = "auto"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Results:
    """Products, nearest first, and how they were found.

    ``regions``: the regions of the photo that were searched with; a neighbour's ``query`` is the place of one of them.
    ``metadata``: of each neighbour's product, by product id. ``same_as``: the products that were collapsed into each, None
    where none had to be. ``query_photos``: the photos that were searched with;
    ``query_photos_skipped``: further photos of the product, beyond ``MAX_QUERY_PHOTOS``. ``scale``: of matches under the weights
    of the search, None where the catalogue is too small to judge. The rows are those of ``knn.Answer``.
    """

    neighbours: tuple[Neighbour, ...]
    regions: tuple[Region, ...]
    metadata: Mapping[str, Mapping[str, str]]
    same_as: Same | None
    query_photos: int
    query_photos_skipped: int
    scale: MatchScale | None
    rows_scanned: int
    rows_refined: int
    rows_exact: int


def search(
    snapshot: Snapshot,
    embedder: Embedder,
    photo: bytes,
    *,
    k: int,
    crop: Region = WHOLE,
    regions: Regions | None = None,
    weights: Weights | None = None,
    distinct: bool = False,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Results:
    """The k products that look most like a shopper's photo.

    ``crop``: the part of the photo to search with. ``regions``: None searches with windows where the whole photo finds weak
    matches only, and with a smaller crop alone. ``weights``, ``executor``: see ``nearest_products``; ``distinct``: see ``distinct_products``.
    ``timings`` receives the stages embed, search and metadata beside those of ``nearest_products``. Raises ImageError where the
    photo cannot be used, StoreError.
    """
    timings = timings or Timings()

    def embedded(searched: Sequence[Region]) -> list[tuple[Region, Embedding | ImageError]]:
        with timings.stage("embed"):
            return list(zip(searched, embedder.embed_regions(photo, searched), strict=True))

    def nearest(found: Sequence[tuple[Region, Embedding | ImageError]]) -> Results:
        usable = [(region, row) for region, row in found if not isinstance(row, ImageError)]
        return _nearest(
            snapshot,
            np.stack([row for _, row in usable]),
            k=k,
            regions=tuple(region for region, _ in usable),
            weights=weights,
            distinct=distinct,
            scale=scale,
            executor=executor,
            timings=timings,
        )

    whole, *windows = with_windows(crop)
    found = embedded([whole, *windows] if regions is Regions.AUTO else [whole])
    if isinstance(found[0][1], ImageError):
        raise found[0][1]
    scale = _scale(snapshot, weights)
    results = nearest(found)
    is_weak = scale is not None and scale.are_weak(neighbour.distance for neighbour in results.neighbours)
    if regions is None and crop.is_whole and is_weak:
        # Of a photo of a few pixels there are no windows.
        with contextlib.suppress(CropTooSmall):
            results = nearest([*found, *embedded(windows)])
    return results


def _scale(snapshot: Snapshot, weights: Weights | None) -> MatchScale | None:
    """The scale of matches under these weights, or the layout's own."""
    return match_scale(snapshot.neighbours, snapshot.layout.weights if weights is None else weights)


def similar(
    snapshot: Snapshot,
    product_id: str,
    *,
    k: int,
    weights: Weights | None = None,
    distinct: bool = False,
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
        distinct=distinct,
        exclude=[text_hash(product_id)],
        skipped=photos - len(embeddings),
        scale=_scale(snapshot, weights),
        executor=executor,
        timings=timings,
    )


def _nearest(
    snapshot: Snapshot,
    queries: npt.NDArray[np.float32],
    *,
    k: int,
    regions: tuple[Region, ...] = (),
    weights: Weights | None,
    distinct: bool,
    exclude: Sequence[bytes] = (),
    skipped: int = 0,
    scale: MatchScale | None,
    executor: Executor | None,
    timings: Timings,
) -> Results:
    def ranking(count: int) -> Answer:
        return nearest_products(
            snapshot, queries, k=count, weights=weights, exclude=exclude, executor=executor, timings=timings
        )

    with timings.stage("search"):
        answer, same_as = distinct_products(snapshot, ranking, k) if distinct else (ranking(k), None)
    with timings.stage("metadata"):
        metadata = snapshot.metadata([neighbour.product_id for neighbour in answer.neighbours])
    return Results(
        answer.neighbours,
        regions,
        metadata,
        same_as,
        1 if regions else len(queries),
        skipped,
        scale,
        answer.rows_scanned,
        answer.rows_refined,
        answer.rows_exact,
    )
