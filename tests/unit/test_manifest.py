import dataclasses
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import CorruptObject, ObjectMissing, StoreUnavailable
from lookalike.store import manifest, names
from lookalike.store.manifest import EMPTY, Calibration, CodedPart, Manifest, SegmentRef
from lookalike.store.object_store import MemoryStore
from lookalike.store.wrappers import CountingStore
from tests.support.rows import quick, texts
from tests.support.stores import Fault, FaultyStore, Rival

pytestmark = pytest.mark.usefixtures("no_pauses")

naturals = st.integers(0, 2**60)
measures = st.floats(0, 1e9)
manifests = st.builds(
    Manifest,
    version=st.integers(0, 10**12),
    segments=st.lists(
        st.builds(SegmentRef, texts, *[naturals] * 5, st.lists(texts).map(tuple), st.lists(naturals).map(tuple)),
        max_size=3,
    ).map(tuple),
    calibration=st.none()
    | st.builds(
        Calibration,
        st.dictionaries(texts, st.builds(CodedPart, texts, measures, naturals, measures, naturals), max_size=3),
        naturals,
        measures,
        measures,
    ),
    folded=st.dictionaries(texts, naturals, max_size=3),
    retired=st.dictionaries(texts, naturals, max_size=3),
    created_ms=naturals,
)
SAMPLE = Manifest(
    version=7,
    segments=(
        SegmentRef("segments/a.safetensors", 3, 2, 1234, 1200, 900, ("segments/r.safetensors",), (1, 2**32 - 1)),
    ),
    folded={"log/a.safetensors": 1_700_000_000_000},
    retired={"segments/b.safetensors": 1_700_000_000_001},
    created_ms=1_700_000_000_002,
    calibration=Calibration({"shape": CodedPart("segments/r.safetensors", 0.25, 64, 0.5, 128)}, 50_000, 12.5, 7.0),
)


@quick
@given(manifests)
def test_a_manifest_comes_back_as_it_was(some: Manifest) -> None:
    assert manifest.decode(manifest.encode(some)) == some


@quick
@given(st.integers(0, 10**20 - 1), st.integers(0, 10**20 - 1))
def test_newer_versions_sort_first(one: int, other: int) -> None:
    assert (names.manifest_name(one) < names.manifest_name(other)) == (one > other)


def test_the_newest_of_many_costs_one_listing_of_one_name_and_one_read() -> None:
    store = CountingStore(MemoryStore())
    assert manifest.newest(store) == EMPTY
    for version in [1, 2, 9, 10, 11, 99, 100, 101]:
        assert manifest.commit(store, Manifest(version=version))
        store.reset()
        assert manifest.newest(store).version == version
        assert store.requests == {"list": 1, "get": 1}


def test_two_manifests_of_one_version_are_never_alike() -> None:
    assert manifest.encode(Manifest(version=1)) != manifest.encode(Manifest(version=1))


def test_of_two_commits_of_a_version_one_is_told_it_lost() -> None:
    store = MemoryStore()
    first, second = Manifest(version=1), Manifest(version=1)
    assert manifest.commit(store, first)
    assert not manifest.commit(store, second)
    assert manifest.newest(store) == first


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_a_commit_survives_a_lost_response(fault: Fault) -> None:
    memory = MemoryStore()
    assert manifest.commit(FaultyStore(memory, {0: fault}), SAMPLE)
    assert manifest.newest(memory) == SAMPLE


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_a_lost_race_is_no_outage_whatever_was_answered(fault: Fault) -> None:
    memory = MemoryStore()
    theirs = Manifest(version=7)
    rival = FaultyStore(memory, {0: fault})
    manifest.commit(memory, theirs)
    assert not manifest.commit(rival, SAMPLE)
    assert manifest.newest(memory) == theirs


def test_an_outage_is_no_lost_race() -> None:
    with pytest.raises(StoreUnavailable):
        manifest.commit(FaultyStore(MemoryStore(), {0: Fault.BEFORE}), SAMPLE)


def test_a_manifest_collected_before_it_was_read_is_missing() -> None:
    memory = MemoryStore()
    manifest.commit(memory, SAMPLE)
    store = FaultyStore(memory, {0: Rival(after=lambda: memory.delete(SAMPLE.name))})
    with pytest.raises(ObjectMissing):
        manifest.newest(store)


def test_a_manifest_under_another_version_s_name_is_corrupt() -> None:
    store = MemoryStore()
    store.put_if_absent(names.manifest_name(8), manifest.encode(SAMPLE))
    with pytest.raises(CorruptObject, match="version 7"):
        manifest.newest(store)


def fields(**changes: Any) -> bytes:
    """The manifest with other fields, and their check."""
    text = json.dumps(json.loads(manifest.encode(SAMPLE)) | changes)
    rest = text[text.index(",") + 1 :].encode()
    return b'{"check":"%08x",' % zlib.crc32(rest) + rest


def with_segment(**changes: Any) -> bytes:
    """The manifest with other fields in its segment."""
    return fields(segments=[dataclasses.asdict(SAMPLE.segments[0]) | changes])


def without(name: str) -> bytes:
    """The manifest with a field of its segment left out."""
    return fields(
        segments=[{key: value for key, value in dataclasses.asdict(SAMPLE.segments[0]).items() if key != name}]
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        fields(format="lookalike-manifest/2"),
        fields(calibration=7),
        fields(calibration={"parts": {}}),
        fields(calibration={"parts": 7, "rows": 1, "rows_refined": 1, "rows_exact": 1}),
        fields(calibration={"parts": {"shape": 7}, "rows": 1, "rows_refined": 1, "rows_exact": 1}),
        fields(calibration={"parts": {"shape": {"rotation": "a"}}, "rows": 1, "rows_refined": 1, "rows_exact": 1}),
        fields(format=None),
        fields(version="7"),
        fields(version=7.0),
        fields(version=-1),
        fields(version=True),
        fields(id=None),
        fields(created_ms=None),
        fields(segments=None),
        fields(segments=[7]),
        with_segment(name=None),
        with_segment(rows=-1),
        with_segment(rotations=None),
        with_segment(checks=7),
        with_segment(checks=[-1]),
        *map(without, dataclasses.asdict(SAMPLE.segments[0])),
        fields(folded=["log/a"]),
        fields(folded={"log/a": "yesterday"}),
        fields(retired={"segments/a": None}),
        fields(retired=None),
    ],
)
def test_what_is_no_manifest_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptObject):
        manifest.decode(data)


def test_a_manifest_cut_anywhere_is_corrupt() -> None:
    data = manifest.encode(SAMPLE)
    for length in range(len(data)):
        with pytest.raises(CorruptObject):
            manifest.decode(data[:length])


def test_damage_anywhere_is_corrupt() -> None:
    chance = random.Random(3)
    data = manifest.encode(SAMPLE)
    assert manifest.decode(data) == SAMPLE
    for place in range(len(data)):
        for damage in {chance.randrange(256), ord("0"), ord('"'), data[place] ^ 0x20} - {data[place]}:
            with pytest.raises(CorruptObject, match="not those that were written"):
                manifest.decode(data[:place] + bytes([damage]) + data[place + 1 :])
