"""The measured recall of an index of candidates, an object of the store for each measurement.

    index/<index>/recall/<20 digits>.json

Measurements are numbered like versions of a store, and the newest counts: the first one to create number n+1 has it. A file is a JSON
object whose first field is the check of all bytes after it, as that of a manifest is (``versions``).

Recall@k is the share of the k nearest products that the index's answers have, over sampled queries. The neighbours of one query are
not independent: an index that misses one of them is more likely to miss the next. So the interval counts each query once. It is
Wilson's, which holds near 1 as well, and it is rather too wide than too narrow.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from lookalike.errors import CorruptObject, ObjectMissing, StoreUnavailable
from lookalike.store import names, versions
from lookalike.store.creation import create
from lookalike.store.damage import undamaged
from lookalike.store.object_store import ObjectStore

FORMAT: Final = "lookalike-recall/1"
_Z: Final = 1.959963984540054  # of a two-sided interval of 95 %
_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the nearest products an index found.

    ``index``: its name; ``at``: how many nearest products each query has; ``queries``: how many queries have at least one; ``found``
    of ``wanted`` nearest products were answered. When it was measured: ``version`` of the manifest, and the time in milliseconds
    since 1970.
    """

    index: str
    at: int
    queries: int
    found: int
    wanted: int
    version: int
    measured_ms: int

    def __post_init__(self) -> None:
        if not 0 <= self.found <= self.wanted or not 0 < self.queries <= self.wanted <= self.queries * self.at:
            raise ValueError(
                f"{self.found} of {self.wanted} products for {self.queries} queries is no recall@{self.at}"
            )

    @property
    def value(self) -> float:
        return self.found / self.wanted

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self._interval()[0]

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        return wilson_interval(self.value, self.queries)


def wilson_interval(share: float, trials: int) -> tuple[float, float]:
    """Both ends of Wilson's interval of 95 % for a share that was seen in ``trials``, of which there is at least one."""
    weight = _Z**2 / trials
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def newest(store: ObjectStore, index: str) -> Recall | None:
    """The last measured recall of an index, None before the first. Raises StoreError."""
    name = _newest_name(store, index)
    try:
        return None if name is None else _read(store, name)
    except ObjectMissing as error:  # no one deletes them while the index is in use
        raise StoreUnavailable(f"{error}: it was deleted since it was listed") from error


def publish(store: ObjectStore, recall: Recall) -> str:
    """Write a measured recall as the newest of its index and return the object's name. Raises StoreError."""
    data = versions.encode({"format": FORMAT, "id": uuid.uuid4().hex, **asdict(recall)})
    for _ in range(_ATTEMPTS):
        last = _newest_name(store, recall.index)
        name = names.recall_name(recall.index, 1 if last is None else names.recall_number(last) + 1)
        if create(store, name, data):
            return name
    raise StoreUnavailable(f"others published {_ATTEMPTS} recalls of {recall.index} meanwhile")


def _newest_name(store: ObjectStore, index: str) -> str | None:
    return versions.newest_name(store, names.recalls(index), names.Kind.RECALL)


def _read(store: ObjectStore, name: str) -> Recall:
    def read_once() -> Recall:
        recall = versions.decode(store.get(name), FORMAT, _recall)
        if not name.startswith(names.recalls(recall.index)):
            raise CorruptObject(f"the recall is that of {recall.index}")
        return recall

    return undamaged(name, read_once)


def _recall(fields: Mapping[str, Any]) -> Recall:
    numbers = ("at", "queries", "found", "wanted", "version", "measured_ms")
    return Recall(versions.text(fields["index"]), **{name: versions.natural(fields[name]) for name in numbers})
