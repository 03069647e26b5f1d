"""Lists of products: those that pass filters, in an order of their own, without a photo to rank them by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from lookalike.hashes import padded, text_hash
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.search.view import ProductView
from lookalike.store.records import event_times_ms
from lookalike.store.rows import Rows
from lookalike.store.shard import Mask
from lookalike.store.snapshot import merged
from lookalike.tables.table import heads

_Row = npt.NDArray[np.int64]
_PutsOf = Sequence[tuple[Rows, _Row]]


class Order(StrEnum):
    """Which products are first: those of any kind, or those whose newest photo was put last."""

    RANDOM = "random"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Listed:
    """A product of a list. ``key``: of its first searchable photo by key; ``metadata``: see ``Snapshot.metadata``."""

    product_id: str
    key: str
    metadata: Mapping[str, str]


def listed(view: ProductView, mask: Mask | None, *, offset: int, k: int, order: Order = Order.RANDOM) -> list[Listed]:
    """The products from place ``offset`` on, ``k`` of them, that ``mask`` allows and that have a searchable photo.

    ``mask``: see ``ProductView.mask``. The random order is that of their ids' hashes, which every snapshot keeps; it is also the order of
    products whose newest photos are of one millisecond. The names of no other photos are read. Raises CorruptObject.
    """
    puts_of = [(shard.segment, _allowed(view, mask, number)) for number, shard in enumerate(view.snapshot.shards)]
    choose = _newest if order is Order.NEWEST else _random
    place_of = {padded(product): place for place, product in enumerate(choose(puts_of, offset, k))}
    photos = view.snapshot.photos_of(place_of)
    metadata = merged(photos)
    keys = {photo.product_id: photo.key for photo in reversed(photos)}
    ids = sorted(keys, key=lambda product_id: place_of[text_hash(product_id)])
    return [Listed(product_id, keys[product_id], metadata[product_id]) for product_id in ids]


def _random(puts_of: _PutsOf, offset: int, k: int) -> list[bytes]:
    """The products from place ``offset`` on, ``k`` of them, by hash."""
    heads_of = [heads(segment.product_hash[puts]) for segment, puts in puts_of]
    # Eight bytes of a hash sort ten times faster than all sixteen. Products that share them, which chance does not bring about,
    # stand at one place. NumPy's unique takes fifty times as long as its sort.
    ascending = np.sort(np.concatenate([np.empty(0, np.uint64), *heads_of]))
    is_first = np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]
    places = ascending[is_first][offset : offset + k]
    if not len(places):
        return []
    first, last = places[0], places[-1]
    products: set[bytes] = set()
    for (segment, puts), here in zip(puts_of, heads_of, strict=True):
        products |= set(segment.product_hash[puts[(first <= here) & (here <= last)]].tolist())
    return sorted(products)


def _newest(puts_of: _PutsOf, offset: int, k: int) -> list[bytes]:
    """As ``_random``, in the order of each product's newest photo, and by hash where those are of one millisecond."""
    times_of = [event_times_ms(segment.order[puts]) for segment, puts in puts_of]
    times = np.concatenate([np.empty(0, np.int64), *times_of])
    newest: list[bytes] = []
    looked_at = 0
    while len(newest) < offset + k and looked_at < len(times):
        # Photos of a product stand at one place, so more of them are looked at until there are enough products.
        looked_at = min(max(2 * looked_at, offset + k), len(times))
        since = np.partition(times, -looked_at)[-looked_at]
        latest: dict[bytes, int] = {}
        for (segment, puts), here in zip(puts_of, times_of, strict=True):
            recent = np.flatnonzero(here >= since)
            for product, time_ms in zip(
                segment.product_hash[puts[recent]].tolist(), here[recent].tolist(), strict=True
            ):
                latest[product] = max(time_ms, latest.get(product, time_ms))
        newest = sorted(latest, key=lambda product: (-latest[product], product))
    return newest[offset : offset + k]


def listed_by_data(view: ProductView, mask: Mask | None, *, offset: int, k: int) -> tuple[list[Listed], int]:
    """As ``listed`` where not all photos are in memory: the products with data, in the random order, and how many those are.

    The photos are those that the index finds and those of the tail; a product without one is left out of its page. Raises StoreError.
    """
    snapshot = view.snapshot
    if not isinstance(snapshot, IndexedSnapshot):
        raise TypeError("all photos are in memory: use listed")
    passing = np.arange(len(view.table)) if mask is None else np.flatnonzero(mask[:-1])
    ascending = passing[np.argsort(heads(view.table.hashes[passing]), kind="stable")]
    hashes = [padded(hashed) for hashed in view.table.hashes[ascending[offset : offset + k]].tolist()]
    if not hashes:
        return [], len(passing)
    photos = snapshot.photos_of(hashes)
    photos += filter(None, map(snapshot.photo_of, snapshot.found_of(hashes)))
    photos.sort(key=lambda photo: photo.key)
    metadata = merged(photos)
    keys = {photo.product_id: photo.key for photo in reversed(photos)}
    shown = sorted(keys, key=text_hash)
    return [Listed(product_id, keys[product_id], metadata[product_id]) for product_id in shown], len(passing)


def _allowed(view: ProductView, mask: Mask | None, number: int) -> _Row:
    """The searchable rows of a shard whose products the mask allows."""
    shard = view.snapshot.shards[number]
    if mask is None:
        return shard.live_puts
    puts = shard.segment.put_rows
    return puts[mask[view.rows_of(shard)] & shard.live[puts]]
