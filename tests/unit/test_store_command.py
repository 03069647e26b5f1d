"""The numbers of ``scripts.store stats`` beside a compaction: every row and every segment is counted once."""

import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from scripts import store as command
from tests.support.rows import LAYOUT, put
from tests.support.stores import FaultyStore, Rival


def stats(store: FaultyStore, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    assert command._stats(store) == 0
    lines = (line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    return {name: int(value.replace(",", "")) for name, value in lines}


@pytest.mark.parametrize("call", range(5))
def test_a_compaction_between_two_calls_hides_no_row_and_invents_no_garbage(
    call: int, capsys: pytest.CaptureFixture[str]
) -> None:
    store = MemoryStore()
    for number in range(3):
        append_log.append(store, [put(f"images/{number}.jpg", 1)], layout=LAYOUT)

    def fold_and_collect() -> None:
        for _ in range(2):
            compact(store, Policy(grace_s=-1))

    found = stats(FaultyStore(store, {call: Rival(before=fold_and_collect)}), capsys)

    assert found["rows in segments"] + found["log segments waiting"] == 3
    assert found["segments to collect"] == 0
