"""The command line of the benchmarks, and what they count as scikit-learn's answer."""

from pathlib import Path

import numpy as np
import pytest

from scripts.benchmarks.agreement import Expected, agrees, expected
from scripts.benchmarks.command import SECTIONS, parser
from scripts.benchmarks.data import Shape
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.every import sections

ROOT = Path(__file__).resolve().parents[2]


def parse(*arguments: str):
    return parser("").parse_args(arguments)


def test_search_takes_data_and_engines():
    options = parse("search", "--generate", "500x16", "--generate", "20x8", "--engines", "lookalike", "numpy", "--json")
    assert options.module == "search"
    assert options.generate == [Shape(500, 16), Shape(20, 8)]
    assert options.engines == ["lookalike", "numpy"]
    assert (options.k, options.threads, options.json) == (5, 1, True)


def test_cold_asks_with_a_photo_that_is_named_or_held_out():
    assert parse("cold").image is None
    assert parse("cold", "--image").image is True
    assert parse("cold", "--image", "shoe.jpg").image == Path("shoe.jpg")


@pytest.mark.parametrize("name", [*SECTIONS, "starts", "stress", "all"])
def test_every_section_is_a_command_with_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(name, "--help")
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [("search", "--generate", "500"), ("search", "--generate", "0x16"), ("search", "-k", "0"), ("search", "--engines", "annoy"), (), ("cold", "--starts", "two")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(*wrong)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_all_runs_every_section_with_photos_and_names_files_without_their_folders():
    found = {section.name: section for section in sections(parse("all", "--photos", "/some/where/photos.zip"))}
    assert list(found) == list(SECTIONS)
    assert found["cold"].commands()[1] == ".venv-bench/bin/python -m scripts.bench cold --photos photos.zip --image"
    assert found["ingest"].runs == (("ingest", "/some/where/photos.zip", "--first", "1500"),)
    for section in found.values():
        for run in section.runs:
            assert parse(*run).module == section.name


def test_all_generates_where_nothing_is_named_and_leaves_ingest_out():
    found = {section.name: section for section in sections(parse("all"))}
    assert found["search"].runs == (("search", "--generate", "44441x512", "--generate", "44441x2048"),)
    assert found["ingest"].runs == ()


def test_single_sections_can_be_named_and_others_are_refused():
    assert [section.name for section in sections(parse("all", "growth", "search"))] == ["search", "growth"]
    with pytest.raises(BenchError, match="no section everything"):
        sections(parse("all", "everything"))


def test_equal_distances_are_expected_in_the_order_of_the_keys():
    vectors = np.zeros((100, 4), np.float32)
    vectors[[7, 60]] = 1
    (right,) = expected(vectors, np.ones((1, 4), np.float32), 4)
    assert right.ids == [7, 60, 0, 1]
    assert right.distances == [0, 0, 2, 2]


def test_peers_may_order_ties_as_they_like_and_ours_may_not():
    vectors = np.array([[0], [1], [1], [5]], np.float32)
    query = np.zeros(1, np.float32)
    right = Expected([0, 1], [0.0, 1.0])
    assert agrees([0, 1], right, vectors, query, has_keys=True)
    assert not agrees([0, 2], right, vectors, query, has_keys=True)
    assert agrees([0, 2], right, vectors, query, has_keys=False)
    for wrong in ([1, 0], [0, 3], [0, 0], [0], []):
        assert not agrees(wrong, right, vectors, query, has_keys=False)
