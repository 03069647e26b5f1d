"""An object store that watches what is written and deleted, and knows what a reader may still need."""

from collections.abc import Callable
from typing import Any

from lookalike.store import names
from lookalike.store.object_store import MemoryStore, PutAnswer
from lookalike.store.versions import StoreKind, Version
from lookalike.store.wrappers import WrapperStore


class AuditedStore(WrapperStore):
    """Raises AssertionError where invariant I5 is about to break.

    A reader that began at most ``reading_s`` ago may have learnt of any manifest that was the newest since then. It needs
    that manifest, the segments it names, and the log segments it does not count as folded.

    ``decode``: raises where the bytes of an object that is no manifest are not what its kind promises. ``skew_s``: how far the clock of the machine that calls the store is ahead of the store's.
    """

    def __init__(
        self,
        kind: StoreKind[Any],
        decode: Callable[[names.Kind | None, bytes], object],
        clock: Callable[[], float],
        reading_s: float,
    ) -> None:
        super().__init__(MemoryStore(clock))
        self._kind = kind
        self._decode = decode
        self._now_s = clock
        self.skew_s = 0.0
        self._reading_s = reading_s
        self._newest: list[tuple[float, Version]] = [(0.0, kind.empty)]  # since when it was the newest
        self._created_s: dict[str, float] = {}

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        answer = super().put_if_absent(name, data)
        if answer is PutAnswer.CREATED:
            self._created_s[name] = self._now_s()
            if name.startswith(names.MANIFESTS):
                self._published(self._kind.decode(data))
            elif not name.startswith(names.ATTEMPTS):
                self._decode(names.kind_of(name), data)
        return answer

    def _published(self, published: Version) -> None:
        there = {entry.name for entry in self.list(self._kind.prefix)}
        assert published.objects <= there, "I5: a manifest names an object that is not there"
        if published.version > self._newest[-1][1].version:
            self._newest.append((self._now_s(), published))

    def delete(self, name: str) -> None:
        now_s = self._now_s()
        ends_s = [since_s for since_s, _ in self._newest[1:]] + [now_s + 1]
        for (_, known), end_s in zip(self._newest, ends_s, strict=True):
            if end_s > now_s - self._reading_s:
                assert name not in self._needs(known, end_s), f"I5: a reader may be about to read {name}"
        super().delete(name)

    def machine_time_ms(self) -> int:
        """The time by the clock of the machine that calls the store."""
        return int((self._now_s() + self.skew_s) * 1000)

    def unpublished(self) -> list[str]:
        """The objects that no manifest ever named, and that are none of the log."""
        published = set[str]().union(*(known.objects for _, known in self._newest))
        return [entry.name for entry in self.inner.list(self._kind.prefix) if entry.name not in published]

    def _needs(self, known: Version, end_s: float) -> set[str]:
        unfolded = {
            entry.name
            for entry in self.list(names.LOG)
            if entry.name not in known.folded and self._created_s[entry.name] < end_s
        }
        return {known.name, *known.objects, *unfolded}
