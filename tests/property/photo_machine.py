"""The state machine for stores of photos."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import rule

from lookalike.compaction.compact import compact
from lookalike.errors import ObjectMissing
from lookalike.store import append_log, map_file, names, rotation_file, segment, segment_file
from lookalike.store.attempts import Attempt
from lookalike.store.manifest import PHOTO_STORE
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row
from lookalike.store.refreshing import Reader
from lookalike.store.snapshot import Snapshot
from tests.property.store_machine import KEYS, READING_S, Event, StoreMachine
from tests.support.calibrations import turned
from tests.support.inline import InlineExecutor
from tests.support.rows import DIMENSIONS, LAYOUT, Value, value


class PhotoMachine(StoreMachine):
    """Rows are photos; the number of one is its embedding, and its metadata."""

    kind = PHOTO_STORE

    def own_patches(self) -> list[Any]:
        return [
            patch("lookalike.store.reader.ThreadPoolExecutor", InlineExecutor),
            patch("lookalike.store.partitions.ThreadPoolExecutor", InlineExecutor),
            # So that most embeddings are read when they are wanted.
            patch("lookalike.store.reader._READ_AT_ONCE_BYTES", 900),
            patch("lookalike.compaction.writer.MIN_ROWS", 4),
            patch("lookalike.compaction.writer.choose", turned),
            patch("lookalike.compaction.cartography._FEWEST", 1),
        ]

    def decode(self, kind: names.Kind | None, data: bytes) -> object:
        if kind is names.Kind.ROTATION:
            return rotation_file.decode(data)
        if kind is names.Kind.MAP:
            return map_file.decode(data)
        return (segment if kind is names.Kind.LOG_SEGMENT else segment_file).decode(data)

    def value(self, row: Any) -> Value:
        return value(row)

    def row(self, event: Event, found: Event) -> Row:
        embedding = np.full(DIMENSIONS, found.content, np.float32) if found.op is Op.PUT else None
        detail = {} if found.op is Op.DELETE else {"content": str(found.content)}
        return Row(event.key, event.key[-3:], event.order(found), found.op, embedding, detail)

    def append_rows(self, store: Any, rows: list[Row]) -> None:
        append_log.append(store, rows, layout=LAYOUT)

    def compact_store(self, store: Any, time_left_s: Callable[[], float]) -> None:
        compact(store, self.policy, time_left_s=time_left_s)

    def reader(self, store: Any) -> SnapshotReader:
        return SnapshotReader(store, layout=LAYOUT, io_threads=1, clocks=[lambda: self.now_s])

    def seen(self, reader: Reader[Any], durable: dict[str, bytes]) -> list[Row]:
        began_s = self.now_s
        snapshot = reader.refresh()
        try:
            return self.checked(snapshot, durable)
        except ObjectMissing:
            # Embeddings are read for as long as a segment that was put out of use is kept; who took longer asks once more.
            assert self.now_s - began_s > READING_S, "I5: a reader that did not pause missed embeddings"
            return self.checked(reader.refresh(), durable)

    def checked(self, snapshot: Snapshot, durable: dict[str, bytes]) -> list[Row]:
        rows = list(snapshot.rows())
        assert snapshot.photos + snapshot.rejected == len(rows)
        self.oracle.check(rows, durable)
        return rows

    @rule(receives=st.integers(2, 4))
    def be_killed(self, receives: int) -> None:
        """An ingest function leaves an attempt behind, which is no concern of readers and compaction."""
        attempt = Attempt("message", self.chance.choice(KEYS), receives)
        self.store.put_if_absent(attempt.name, b"noted")
        self.attempts.add(attempt.name)
