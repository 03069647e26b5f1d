"""The newest event of each object of the catalogue, and the order of the rows that an event makes."""

from collections.abc import Iterable

from lookalike.photos.catalogue import ObjectEvent
from lookalike.store.records import Op, order_of


def event_order(event: ObjectEvent, op: Op, content: bytes | None = b"") -> bytes:
    """The order of a row that an event makes: ``order_of``."""
    return order_of(sequencer=event.sequencer, time_ms=event.time_ms, op=op, content=content)


def newest_of_each_key(events: Iterable[ObjectEvent]) -> list[ObjectEvent]:
    """The newest event of each key, as all events of a key read the same object."""
    newest: dict[str, ObjectEvent] = {}
    for event in events:
        known = newest.get(event.key)
        if known is None or _age(known) < _age(event):
            newest[event.key] = event
    return list(newest.values())


def _age(event: ObjectEvent) -> bytes:
    return event_order(event, Op.DELETE if event.removed else Op.PUT)
