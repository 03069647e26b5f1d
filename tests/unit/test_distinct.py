"""Products of near-identical photos are one result, as a walk over the whole ranking says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import NotFound
from lookalike.layout import Layout, Part
from lookalike.search import distinct
from lookalike.search.products import Page, similar
from lookalike.search.view import ProductView
from lookalike.store.neighbours import NEAR_IDENTICAL
from tests.support.catalogues import keys_of
from tests.support.fakes import snapshot_of
from tests.support.rows import quick

LAYOUT = Layout((Part("shape", 6, 1.0), Part("colour", 3, 0.5)))


def looks(rng: np.random.Generator, count: int, copies: int) -> np.ndarray:
    """Rows of which each look has about so many near copies; some copies are near in one part only."""
    rows = rng.standard_normal((count, LAYOUT.dimensions))[rng.integers(0, max(1, count // copies), count)]
    for part in LAYOUT.slices:
        rows[:, part] += 0.1 * rng.standard_normal(rows[:, part].shape)
        other = rng.random(count) < 0.1
        rows[other, part] = rng.standard_normal(rows[other, part].shape)
        rows[:, part] /= np.linalg.norm(rows[:, part], axis=1, keepdims=True)
    return rows.astype(np.float32)


def oracle(rows: np.ndarray, query: int, k: int) -> list[tuple[int, list[int]]]:
    """The results and the rows under each, one row after the other. Every row is a product."""
    parts = [rows[:, part].astype(np.float64) for part in LAYOUT.slices]

    def distance(one: int, other: int) -> float:
        return sum(
            float(w**2 * np.square(part[one] - part[other]).sum())
            for w, part in zip(LAYOUT.weights, parts, strict=True)
        )

    def are_alike(one: int, other: int) -> bool:
        return all(np.linalg.norm(part[one] - part[other]) <= NEAR_IDENTICAL for part in parts)

    walked: list[tuple[int, list[int]]] = []
    others = [row for row in range(len(rows)) if row != query]
    for row in sorted(others, key=lambda row: (distance(query, row), keys_of(len(rows))[row])):
        under = next((same for result, same in walked if are_alike(result, row)), None)
        if under is not None:
            under.append(row)
        elif len(walked) == k:
            break
        else:
            walked.append((row, []))
    return walked


@quick
@given(st.integers(0, 2**32), st.integers(2, 120), st.integers(1, 40), st.integers(1, 12), st.integers(1, 3))
def test_distinct_products_are_those_of_a_walk_over_the_whole_ranking(
    seed: int, count: int, copies: int, k: int, shards: int
) -> None:
    rows, keys = looks(np.random.default_rng(seed), count, copies), keys_of(count)
    snapshot = snapshot_of(rows, keys, keys, shards=shards, layout=LAYOUT)

    found = similar(ProductView.of(snapshot), keys[0], Page(k, distinct=True))

    expected = [(keys[row], tuple(keys[other] for other in same)) for row, same in oracle(rows, 0, k)]
    assert found.same_as is not None
    assert [(item.product_id, found.same_as[item.product_id]) for item in found.neighbours] == expected


def test_without_distinct_nothing_is_collapsed() -> None:
    rows, keys = looks(np.random.default_rng(1), 60, 20), keys_of(60)
    found = similar(ProductView.of(snapshot_of(rows, keys, keys, layout=LAYOUT)), keys[0], Page(5))
    assert found.same_as is None
    assert len(found.neighbours) == 5


def test_a_catalogue_of_copies_ends_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ranking is looked at to its bound and no further."""
    monkeypatch.setattr(distinct, "MAX_RANKED", 30)
    rows, keys = np.repeat(looks(np.random.default_rng(2), 1, 1), 99, axis=0), keys_of(99)

    found = similar(ProductView.of(snapshot_of(rows, keys, keys, layout=LAYOUT)), keys[0], Page(5, distinct=True))

    assert len(found.neighbours) == 1
    assert found.same_as is not None
    assert sum(map(len, found.same_as.values())) == 29


def test_embeddings_are_found_by_key_in_every_shard() -> None:
    rows, keys = looks(np.random.default_rng(3), 50, 1), keys_of(50)
    snapshot = snapshot_of(rows, keys, keys, shards=4, layout=LAYOUT)
    wanted = [31, 2, 17, 2]
    assert (snapshot.embeddings_of([keys[row] for row in wanted]) == rows[wanted]).all()
    assert snapshot.embeddings_of([]).shape == (0, LAYOUT.dimensions)
    with pytest.raises(NotFound):
        snapshot.embeddings_of(["images/nobody.jpg"])
