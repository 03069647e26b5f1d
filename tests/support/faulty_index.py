"""An index around another one: its writes fail or end the process where they are told to, and its answers may be old."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lookalike.errors import IndexUnavailable
from lookalike.index.memory import MemoryIndex
from lookalike.index.port import Candidates, IndexRows
from lookalike.store.rows import Embeddings, Hashes
from tests.support.stores import Died, Fault


@dataclass
class FaultyIndex:
    """Does what ``plan`` says of a call of the writer, by its number, from 0: BEFORE, AFTER, DIES or DIES_AFTER.

    ``old``: the entries that queries see, None for those of now.
    """

    inner: MemoryIndex
    plan: Mapping[int, Fault] = field(default_factory=dict)
    calls: int = 0
    old: MemoryIndex | None = None

    def __post_init__(self) -> None:
        self.name, self.dimensions = self.inner.name, self.inner.dimensions
        self.most_candidates, self.most_products = self.inner.most_candidates, self.inner.most_products

    def put(self, rows: IndexRows) -> None:
        self._write(lambda: self.inner.put(rows))

    def delete(self, keys: Hashes) -> None:
        self._write(lambda: self.inner.delete(keys))

    def settle(self) -> None:
        self._write(self.inner.settle)

    def is_empty(self) -> bool:
        self._write(lambda: None)
        return self.inner.is_empty()

    def count(self) -> int:
        return self.inner.count()

    def query(self, vector: Embeddings, count: int, *, products: Sequence[bytes] | None = None) -> Candidates:
        return (self.old or self.inner).query(vector, count, products=products)

    def lag(self) -> None:
        """From now on queries see the entries of now."""
        self.old = MemoryIndex(self.dimensions, name=self.name)
        self.old.entries = dict(self.inner.entries)

    def _write(self, work: Callable[[], None]) -> None:
        fault = self.plan.get(self.calls)
        self.calls += 1
        if fault is Fault.DIES:
            raise Died
        if fault is Fault.BEFORE:
            raise IndexUnavailable("injected: the index was not asked")
        work()
        if fault is Fault.DIES_AFTER:
            raise Died
        if fault is Fault.AFTER:
            raise IndexUnavailable("injected: the index did it, and its answer is lost")
