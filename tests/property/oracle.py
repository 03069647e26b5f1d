"""What a store should hold, by the simplest means: a dict of each key's rows, and the greatest order wins."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lookalike.store.records import Op
from tests.support.rows import Value


class AnyRow(Protocol):
    """A row of any kind of store."""

    @property
    def key(self) -> str: ...

    @property
    def order(self) -> bytes: ...

    @property
    def op(self) -> Op: ...


@dataclass
class Oracle[R: AnyRow]:
    """``value``: a row as something that can be compared and sorted. ``attempted``: every row that anybody tried to append, by key and
    order. ``durable``: of each key the greatest order that must be in the store, as its append was acknowledged or a reader has
    seen it."""

    value: Callable[[Any], Value]
    attempted: defaultdict[str, dict[bytes, R]] = field(default_factory=lambda: defaultdict(dict))
    durable: dict[str, bytes] = field(default_factory=dict)

    def attempt(self, rows: Iterable[R]) -> None:
        for row in rows:
            self.attempted[row.key].setdefault(row.order, row)

    def acknowledge(self, rows: Iterable[AnyRow]) -> None:
        for row in rows:
            self.durable[row.key] = max(self.durable.get(row.key, b""), row.order)

    def final(self) -> list[Value]:
        """What every reader must show once each append that was attempted was also acknowledged."""
        newest = [self.attempted[key][order] for key, order in self.durable.items()]
        return sorted(self.value(row) for row in newest if row.op is not Op.DELETE)

    def check(self, rows: Sequence[AnyRow], durable: Mapping[str, bytes], *, is_whole: bool = True) -> None:
        """Hold what a reader shows against what was durable when its refresh began.

        Rows whose append was not acknowledged may be there or not; a row once seen must stay. ``is_whole``: whether the reader
        shows all there is.
        """
        shown = {row.key: row for row in rows}
        assert len(shown) == len(rows), "I2: a row is visible twice"
        for key, row in shown.items():
            attempted = self.attempted[key].get(row.order)
            assert attempted is not None, f"a row of {key} that nobody appended"
            assert self.value(attempted) == self.value(row), f"a row of {key} is not as it was appended"
            assert row.order >= durable.get(key, b""), f"I1, I3: {key} is older than what was acknowledged"
        for key, order in durable.items() if is_whole else ():
            deletions = [row for row in self.attempted[key].values() if row.op is Op.DELETE and row.order >= order]
            assert key in shown or deletions, f"I1: {key} is gone and was not deleted"
            if key not in shown:  # one of the deletions is in the store, whether or not its append was acknowledged
                self.acknowledge([min(deletions, key=lambda row: row.order)])
        self.acknowledge(rows)
