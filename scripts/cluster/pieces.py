"""Photos dealt out in pieces, and how each piece ended: as the values that Ray carries between processes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import batched
from typing import Any, Self

from lookalike.ingest import Ingested
from lookalike.photos.catalogue import ObjectEvent


def items_of(events: Iterable[ObjectEvent], size: int) -> list[dict[str, Any]]:
    """The events, ``size`` a piece, numbered from 0."""
    return [
        {"piece": number, "events": json.dumps([asdict(event) for event in piece])}
        for number, piece in enumerate(batched(events, size))
    ]


def events_of(text: str) -> list[ObjectEvent]:
    """The events of a piece."""
    return [ObjectEvent(**fields) for fields in json.loads(text)]


@dataclass(slots=True)
class Outcome:
    """How photos ended. ``rejected`` and ``failed`` map keys to reasons; ``ended``: photos that ended each worker that read them."""

    embedded: int = 0
    deleted: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    ended: list[ObjectEvent] = field(default_factory=list)

    @classmethod
    def of(cls, ingested: Ingested) -> Self:
        failed = {event.key: reason for event, reason in ingested.failed.items()}
        return cls(ingested.embedded, ingested.deleted, dict(ingested.reasons), failed)

    @classmethod
    def of_failure(cls, events: Sequence[ObjectEvent], reason: str) -> Self:
        """The same reason for every photo."""
        return cls(failed=dict.fromkeys((event.key for event in events), reason))

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: Mapping[str, Any] = json.loads(text)
        return cls(**fields)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    def add(self, other: "Outcome") -> None:
        self.embedded += other.embedded
        self.deleted += other.deleted
        self.rejected |= other.rejected
        self.failed |= other.failed
        self.ended += other.ended
