"""Lists of products: those that pass filters, in an order of their own, without a photo to rank them by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.hashes import text_hash
from lookalike.search.view import ProductView
from lookalike.store.shard import Mask
from lookalike.store.snapshot import merged
from lookalike.tables.table import heads

_Row = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Listed:
    """A product of a list. ``key``: of its first searchable photo by key; ``metadata``: see ``Snapshot.metadata``."""

    product_id: str
    key: str
    metadata: Mapping[str, str]


def listed(view: ProductView, mask: Mask | None, *, offset: int, k: int) -> list[Listed]:
    """The products from place ``offset`` on, ``k`` of them, that ``mask`` allows and that have a searchable photo.

    ``mask``: see ``ProductView.mask``. They are in the order of their ids' hashes: a random order that every snapshot keeps. The names
    of no other photos are read. Raises CorruptObject.
    """
    puts_of = [(shard.segment, _allowed(view, mask, number)) for number, shard in enumerate(view.snapshot.shards)]
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
    photos = view.snapshot.photos_of(products)
    metadata = merged(photos)
    keys = {photo.product_id: photo.key for photo in reversed(photos)}
    return [Listed(product_id, keys[product_id], metadata[product_id]) for product_id in sorted(keys, key=text_hash)]


def _allowed(view: ProductView, mask: Mask | None, number: int) -> _Row:
    """The searchable rows of a shard whose products the mask allows."""
    shard = view.snapshot.shards[number]
    if mask is None:
        return shard.live_puts
    puts = shard.segment.put_rows
    return puts[mask[view.rows_of(shard)] & shard.live[puts]]
