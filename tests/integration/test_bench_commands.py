"""Every benchmark, on sizes that take seconds."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from scripts import bench

Run = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command, whose engines have processes of their own; returns the lines it prints."""

    def run(*arguments: str) -> list[dict[str, Any]]:
        status = bench.main([*arguments, "--json"])
        out, errors = capfd.readouterr()
        assert status == 0, errors
        assert "Warning" not in errors
        return [json.loads(line) for line in out.splitlines()]

    return run


def test_search_asks_every_engine_and_says_which_are_not_installed(run: Run) -> None:
    lines = run(
        "search", "--generate", "3000x32", "--queries", "12",
        "--engines", "lookalike", "lookalike-s3", "sklearn", "numpy", "faiss_flat",
    )  # fmt: skip
    *lines, compaction = lines
    assert (compaction["bench"], compaction["rows"]) == ("compaction", 3000)
    found = {(line["engine"], line.get("exact_tier")): line for line in lines}
    assert set(found) == {
        ("lookalike", "memory"), ("lookalike", "S3"), ("sklearn", None), ("numpy", None), ("faiss_flat", None)
    }  # fmt: skip
    faiss = found.pop(("faiss_flat", None))
    assert ("note" in faiss) == (find_spec("faiss") is None)
    for line in found.values():
        assert (line["data"], line["rows"], line["dim"], line["k"], line["threads"]) == ("generated", 3000, 32, 5, 1)
        assert line["ids_equal_sklearn"] == "12/12"
        assert 0 < line["p50_ms"] <= line["p99_ms"]
        assert line["process_bytes"] > line["resident_bytes"] > 0
        assert line["version"]
    assert found["lookalike", "memory"]["ratio_to_lookalike"] == 1
    assert found["lookalike", "memory"]["rows_exact"] >= 5
    assert found["sklearn", None]["resident_bytes"] == 3000 * 32 * 4


def test_cold_starts_fresh_processes_and_counts_what_ours_reads(run: Run) -> None:
    lines = run(
        "cold", "--generate", "3000x32", "--starts", "1", "--queries", "10", "--engines", "lookalike-s3", "sklearn"
    )
    ours, sklearn = lines
    assert (ours["engine"], sklearn["engine"]) == ("lookalike", "sklearn")
    for line in lines:
        assert line["ids_equal_sklearn"] == "1/1"
        assert line["p50_ms"] > 0
    assert ours["bytes_read"] > 3000 * 32  # at least a byte for each number
    assert ours["requests"] >= 2


def test_search_measures_each_number_of_rows(run: Run) -> None:
    lines = run(
        "search", "--generate", "300x16", "--generate", "900x16", "--queries", "10",
        "--engines", "lookalike-s3", "sklearn",
    )  # fmt: skip
    answers = [line for line in lines if line["bench"] != "compaction"]
    assert [(line["rows"], line["engine"]) for line in answers] == [
        (rows, engine) for rows in (300, 900) for engine in ("lookalike", "sklearn")
    ]
    assert all(line["ids_equal_sklearn"] == "10/10" for line in answers)


def test_an_index_is_measured_beside_the_exact_search(run: Run) -> None:
    filling, *lines = run("index", "--generate", "1500x16", "--queries", "10", "--starts", "1")
    assert (filling["rows_put"], filling["dim"]) == (1500, 16)
    assert filling["folder_bytes"] > 1500 * 16 * 4
    assert [(line["bench"], line["exact_tier"]) for line in lines] == [
        ("index", "memory"), ("index", "index"), ("index-cold", "S3"), ("index-cold", "index")
    ]  # fmt: skip
    for line in lines:
        assert line["recall"] == "1.0000", "a table of so few rows is searched exactly"
        assert line["p50_ms"] > 0
    assert all(line["index_bytes_read"] > 0 for line in lines if line["exact_tier"] == "index")


def test_partitions_are_measured_in_processes_of_their_own(run: Run) -> None:
    lines = run("partitions", "--keys", "2000", "--partitions", "4")
    assert [(line["work"], line["partitions"]) for line in lines] == [
        ("numpy.lexsort", 1), ("live rows", 4), ("compaction", 4), ("backfill plan", 4)
    ]  # fmt: skip
    assert all((line["keys"], line["rows"]) == (2000, 2000) and line["peak_memory_bytes"] > 0 for line in lines)


def test_filters_are_measured_beside_a_search_among_all_products(run: Run) -> None:
    lines = run("filters", "--generate", "2000x32", "--queries", "10", "--processor-time")
    searches = [line for line in lines if line["bench"] == "filters"]
    assert [line["share"] for line in searches] == [1, 0.01, 0.1, 0.5, 0.99]
    assert all(line["ids_equal_sklearn"] == "10/10" for line in searches)
    assert searches[0]["times_unfiltered"] == 1
    scanned = [line["rows_scanned"] for line in searches]
    assert scanned[0] == 2000
    assert 0 < scanned[1] < scanned[2] < scanned[3] < scanned[4] < 2000
    counted = [line for line in lines if line["bench"] == "facets"]
    assert [line["filters"] for line in counted] == [0, 1, 3]
    assert all(line["attributes"] == 12 for line in counted)


def test_append_compares_a_small_store_with_a_large_one(run: Run) -> None:
    lines = run(
        "append", "--small", "40", "--rows", "200", "--dimensions", "8", "--appends", "3", "--batch", "2",
        "--trickle", "40",
    )  # fmt: skip
    appends = [line for line in lines if line["bench"] == "append"]
    assert [line["rows"] for line in appends] == [40, 200]
    assert all(line["requests"] == 1 for line in appends)
    assert {line["bench"] for line in lines} == {"compaction", "append", "trickle", "refresh"}


def test_what_cannot_be_run_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["search", "--embeddings", "nowhere.npy"]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert "nowhere.npy" in errors
    assert len(errors.strip().splitlines()) == 1


def test_tables_are_measured_for_each_number_of_products(run: Run) -> None:
    lines = run("tables", "--products", "50", "--products", "500", "--changed", "10")
    assert [line["products"] for line in lines] == [50, 500]
    for line in lines:
        assert line["columns"] == 15
        assert 0 < line["build_peak_mib"] <= line["peak_mib"]
    assert lines[0]["stored_bytes"] < lines[1]["stored_bytes"]
