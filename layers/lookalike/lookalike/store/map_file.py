"""Maps of the catalogue as objects of the store: places in the plane for photos, one of each product, near where they look alike.

    names  U8  (bytes,)       JSON, deflated: a list of the product ids and a list of the image keys
    order  U8  (photos, 32)   of the photos' rows: see ``records``
    place  U32 (photos, 2)    x and y, 0 to 65535

Photos ascend by the hashes of their product ids, so that the first ones are a random choice that stays. The name of a map has the check of
its bytes (``names``). Rows that came later have no place until the next map.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, hashes_of
from lookalike.store import chunks, columns, names, tensors
from lookalike.store.damage import undamaged
from lookalike.store.object_store import ObjectStore
from lookalike.store.rows import Hashes
from lookalike.store.shard import Mask, Shard

FORMAT = "lookalike-map/1"
SIDE = 2**16
_COLUMNS: columns.Columns = {"names": (np.uint8, 1), "order": (np.uint8, 2), "place": (np.uint32, 2)}

Places = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class CatalogueMap:
    """Photos of a map. ``order``: S32 (photos,); ``place``: uint32 (photos, 2), below ``SIDE``."""

    product_ids: Sequence[str]
    keys: Sequence[str]
    order: Hashes
    place: Places

    def __len__(self) -> int:
        return len(self.keys)

    def live(self, shards: Sequence[Shard]) -> Mask:
        """Which of the photos are searchable and the same as when the map was made: bool (photos,)."""
        hashes = np.frombuffer(hashes_of(key.encode() for key in self.keys), f"S{HASH_BYTES}")
        live = np.zeros(len(self), bool)
        for shard in shards:
            rows = shard.segment
            if len(rows):
                row = np.minimum(np.searchsorted(rows.key_hash, hashes), len(rows) - 1)
                is_same = (rows.key_hash[row] == hashes) & (rows.order[row] == self.order)
                live |= is_same & (shard.live & rows.is_put)[row]
        return live


def encode(drawn: CatalogueMap) -> bytes:
    """The file's bytes, unlike any other's."""
    texts = json.dumps([list(drawn.product_ids), list(drawn.keys)], ensure_ascii=False).encode()
    return tensors.encode(
        {
            "names": np.frombuffer(chunks.deflate(texts), np.uint8),
            "order": columns.stored("order", drawn.order),
            "place": drawn.place,
        },
        {"format": FORMAT, "id": uuid.uuid4().hex},
    )


def read(store: ObjectStore, name: str) -> CatalogueMap:
    """A map of the store. Raises StoreError."""
    return undamaged(name, lambda: decode(names.verified(name, store.get(name))))


def decode(data: bytes) -> CatalogueMap:
    """The map in these bytes. Raises CorruptObject."""
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    order, place = columns.read(header, "order", data), tensors.view(header.tensors["place"], data)
    try:
        product_ids, keys = json.loads(chunks.inflate(tensors.view(header.tensors["names"], data)))
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptObject(f"the names of the map are not valid: {error!r}") from error
    if not all(isinstance(some, list) and all(isinstance(name, str) for name in some) for some in (product_ids, keys)):
        raise CorruptObject("the names of the map are not lists of texts")
    if not len(product_ids) == len(keys) == len(order) == len(place) or place.shape[1] != 2:
        raise CorruptObject("the columns of the map are not of one length")
    if len(place) and place.max() >= SIDE:
        raise CorruptObject("a place is beyond the map's edge")
    return CatalogueMap(product_ids, keys, order, place)
