"""The command line of the benchmarks, and what they count as scikit-learn's answer."""

import numpy as np
import pytest

from lookalike.layout import Layout, Part
from scripts.benchmarks.agreement import Expected, agrees, expected
from scripts.benchmarks.command import parser
from scripts.benchmarks.data import Shape


def parse(*arguments: str):
    return parser("").parse_args(arguments)


def test_search_takes_data_and_engines():
    options = parse("search", "--generate", "500x16", "--generate", "20x8", "--engines", "lookalike", "numpy", "--json")
    assert options.module == "search"
    assert options.generate == [Shape(500, 16), Shape(20, 8)]
    assert options.engines == ["lookalike", "numpy"]
    assert (options.k, options.threads, options.json) == (5, 1, True)


def test_a_row_may_have_parts():
    options = parse("search", "--parts", "shape:512:1,colour:101:0.6")
    assert options.parts == Layout((Part("shape", 512, 1.0), Part("colour", 101, 0.6)))


@pytest.mark.parametrize(
    "name",
    [
        "search",
        "cold",
        "starts",
        "append",
        "ingest",
        "products",
        "product-reads",
        "filters",
        "tables",
        "stress",
        "partitions",
    ],
)
def test_every_benchmark_is_a_command_with_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(name, "--help")
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [("search", "--generate", "500"), ("search", "--generate", "0x16"), ("search", "-k", "0"), ("search", "--engines", "annoy"), ("search", "--parts", "shape:512"), ("search", "--parts", "a:8:1,a:8:1"), (), ("cold", "--starts", "two")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(*wrong)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


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
