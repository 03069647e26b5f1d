"""Search: a photo, or a product of the catalogue, in; the products that look most like it out."""

import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lookalike.errors import CropTooSmall, ImageError, NotFound
from lookalike.hashes import text_hash
from lookalike.layout import Weights
from lookalike.photos.embedder import Embedder, Embedding
from lookalike.photos.regions import WHOLE, Region, with_windows
from lookalike.search import indexed
from lookalike.search.distinct import Same, distinct_products
from lookalike.search.filters import Filters
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.search.knn import Answer, Neighbour, nearest_products
from lookalike.search.match import MatchScale, match_scale
from lookalike.search.timings import Timings
from lookalike.search.view import ProductView
from lookalike.store.shard import Mask
from lookalike.store.snapshot import merged
from lookalike.tables.table import MISSING

MAX_QUERY_PHOTOS = 32
"""Photos of one product that ``similar`` searches with: they share one scan, which takes about ten times that of one photo."""


class Regions(StrEnum):
    """The regions of a photo to search with: windows, too, of which the nearest to a product counts, or none of them."""

    AUTO = "auto"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Results:
    """Products, nearest first, and how they were found.

    ``has_more``: whether a product follows after these. ``products_matching``: the products that the filters allow, without the
    product that was asked about; None where photos are not in memory to count them. ``is_weak``: whether all matches are weak, on this page and before, or there is none.
    ``regions``: the regions of the photo that were searched with; a neighbour's ``query`` is the place of one of them.
    ``metadata``: of each neighbour's product, by product id. ``same_as``: the products that were collapsed into each, None
    where none had to be. ``query_photos``: the photos that were searched with;
    ``query_photos_skipped``: further photos of the product, beyond ``MAX_QUERY_PHOTOS``. ``scale``: of matches under the weights
    of the search, None where the catalogue is too small to judge. The rows and ``is_exact`` are those of ``knn.Answer``.
    """

    neighbours: tuple[Neighbour, ...]
    has_more: bool
    products_matching: int | None
    is_weak: bool
    regions: tuple[Region, ...]
    metadata: Mapping[str, Mapping[str, str]]
    same_as: Same | None
    query_photos: int
    query_photos_skipped: int
    scale: MatchScale | None
    rows_scanned: int
    rows_refined: int
    rows_exact: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What is wanted of a ranking: its products from place ``offset`` on, at most ``k``, that pass the filters.

    ``max_distance``: farther products are no results. ``hide``: products that are known to be unavailable are none either, unless the
    filters name availability. ``distinct``: see ``distinct_products``. ``weights``: see ``nearest_products``.
    """

    k: int
    offset: int = 0
    filters: Filters = Filters()  # noqa: RUF009 - a frozen value
    hide: bool = False
    max_distance: float | None = None
    distinct: bool = False
    weights: Weights | None = None


def search(
    view: ProductView,
    embedder: Embedder,
    photo: bytes,
    page: Page,
    *,
    crop: Region = WHOLE,
    regions: Regions | None = None,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Results:
    """The products that look most like a shopper's photo.

    ``crop``: the part of the photo to search with. ``regions``: None searches with windows where the whole photo finds weak
    matches only, and with a smaller crop alone. ``executor``: see ``nearest_products``.
    ``timings`` receives the stages filter, embed, search and metadata beside those of ``nearest_products``. Raises ImageError where the
    photo cannot be used, UnknownAttribute, BadFilter, StoreError.
    """
    ranking = _Ranking.of(view, page, executor=executor, timings=timings or Timings())

    def embedded(searched: Sequence[Region]) -> list[tuple[Region, Embedding | ImageError]]:
        with ranking.timings.stage("embed"):
            return list(zip(searched, embedder.embed_regions(photo, searched), strict=True))

    def ranked(found: Sequence[tuple[Region, Embedding | ImageError]]) -> _Ranked:
        usable = [(region, row) for region, row in found if not isinstance(row, ImageError)]
        return ranking.ranked(np.stack([row for _, row in usable]), tuple(region for region, _ in usable))

    whole, *windows = with_windows(crop)
    found = embedded([whole, *windows] if regions is Regions.AUTO else [whole])
    if isinstance(found[0][1], ImageError):
        raise found[0][1]
    products = ranked(found)
    if regions is None and crop.is_whole and products.neighbours and ranking.are_weak(products.neighbours):
        # Of a photo of a few pixels there are no windows.
        with contextlib.suppress(CropTooSmall):
            products = ranked([*found, *embedded(windows)])
    return ranking.results(products)


def similar(
    view: ProductView,
    product_id: str,
    page: Page,
    *,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Results:
    """The products that look most like a product of the catalogue, without the product itself.

    All of the product's photos are one search, at most ``MAX_QUERY_PHOTOS``; a neighbour's distance is the smallest to any of
    them. Raises NotFound where the product has no searchable photo, UnknownAttribute, BadFilter, StoreError.
    """
    ranking = _Ranking.of(view, page, exclude=product_id, executor=executor, timings=timings or Timings())
    with ranking.timings.stage("read"):
        embeddings, photos = view.snapshot.embeddings(product_id, at_most=MAX_QUERY_PHOTOS)
    if not photos:
        raise NotFound(f"no photo of product {product_id!r} could be read, so it has no neighbours")
    return ranking.results(ranking.ranked(embeddings), skipped=photos - len(embeddings))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The products of a ranking up to the end of the page, and the one that follows."""

    answer: Answer
    following: Neighbour | None
    same_as: Same | None
    queries: int
    regions: tuple[Region, ...]

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        return self.answer.neighbours


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Ranks the products that the filters allow, and gives the results of a page."""

    view: ProductView
    page: Page
    mask: Mask | None
    exclude: str | None
    scale: MatchScale | None
    executor: Executor | None
    timings: Timings

    @classmethod
    def of(
        cls, view: ProductView, page: Page, *, exclude: str | None = None, executor: Executor | None, timings: Timings
    ) -> Self:
        if page.offset < 0:
            raise ValueError(f"offset is {page.offset}; it must be 0 or more")
        with timings.stage("filter"):
            mask = view.mask(page.filters, hide=page.hide)
        snapshot = view.snapshot
        scale = match_scale(snapshot.neighbours, snapshot.layout.weights if page.weights is None else page.weights)
        return cls(view, page, mask, exclude, scale, executor, timings)

    def ranked(self, queries: npt.NDArray[np.float32], regions: tuple[Region, ...] = ()) -> _Ranked:
        page, snapshot = self.page, self.view.snapshot
        allowed = None if self.mask is None else self.view.allowed(self.mask)
        exclude = [] if self.exclude is None else [text_hash(self.exclude)]

        def nearest(count: int) -> Answer:
            options: dict[str, Any] = {
                "k": count,
                "weights": page.weights,
                "exclude": exclude,
                "allowed": allowed,
                "executor": self.executor,
                "timings": self.timings,
            }
            if not isinstance(snapshot, IndexedSnapshot):
                return nearest_products(snapshot, queries, **options)
            most = snapshot.index.most_products
            in_body = None if self.mask is None else self.view.allowed_in_body(self.mask, most)
            return indexed.nearest_products(snapshot, queries, body_allowed=in_body, **options)

        end = page.offset + page.k
        with self.timings.stage("search"):
            if page.distinct:
                answer, same_as, following = distinct_products(snapshot, nearest, end)
                return _Ranked(answer, following, same_as, len(queries), regions)
            answer = nearest(end + 1)
        following = answer.neighbours[end] if len(answer.neighbours) > end else None
        return _Ranked(replace(answer, neighbours=answer.neighbours[:end]), following, None, len(queries), regions)

    def are_weak(self, neighbours: Sequence[Neighbour]) -> bool:
        return self.scale is not None and self.scale.are_weak(neighbour.distance for neighbour in neighbours)

    def results(self, ranked: _Ranked, *, skipped: int = 0) -> Results:
        answer, near = ranked.answer, [found for found in ranked.neighbours if self._is_near(found)]
        neighbours = tuple(near[self.page.offset :])
        with self.timings.stage("metadata"):
            metadata = self._metadata(neighbours, answer)
        return Results(
            neighbours,
            ranked.following is not None and self._is_near(ranked.following),
            self._matching(),
            self.are_weak(near),
            ranked.regions,
            metadata,
            ranked.same_as,
            1 if ranked.regions else ranked.queries,
            skipped,
            self.scale,
            answer.rows_scanned,
            answer.rows_refined,
            answer.rows_exact,
            answer.is_exact,
        )

    def _is_near(self, neighbour: Neighbour) -> bool:
        return self.page.max_distance is None or neighbour.distance <= self.page.max_distance

    def _metadata(self, neighbours: Sequence[Neighbour], answer: Answer) -> dict[str, dict[str, str]]:
        """Of each product, by its photos in memory, and by the one that was found where that is not."""
        ids = [neighbour.product_id for neighbour in neighbours]
        if not answer.found:
            return self.view.snapshot.metadata(ids)
        photos = self.view.snapshot.photos_of([text_hash(product_id) for product_id in ids])
        photos += [answer.found[neighbour.key][0] for neighbour in neighbours if neighbour.key in answer.found]
        return {product_id: {} for product_id in ids} | merged(sorted(photos, key=lambda photo: photo.key))

    def _matching(self) -> int | None:
        count = self.view.count(self.mask)
        if self.exclude is None or count is None:
            return count
        row = self.view.row(self.exclude)
        is_among = self.mask is None or self.mask[MISSING if row is None else row]
        return count - int(is_among)
