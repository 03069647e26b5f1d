"""The tables that benchmarks print."""

from scripts.benchmarks.results import print_tables

DATA = {"bench": "search", "data": "generated", "rows": 5000, "dim": 64}
RACE = {"k": 5, "threads": 1, "queries": 20}


def lines() -> list[dict]:
    ours = {"engine": "lookalike", "p50_ms": 1.5, "resident_bytes": 2_000_000, "version": "numpy 2"}
    sklearn = {"engine": "sklearn", "p50_ms": 1234.5, "requests": None, "version": "numpy 2, scikit-learn 1"}
    return [
        DATA | RACE | ours | {"exact_tier": "memory"},
        DATA | RACE | ours | {"exact_tier": "S3"},
        DATA | RACE | sklearn,
        DATA | {"engine": "faiss_flat", "note": "not installed"},
    ]


def test_a_table_shows_the_figures_of_every_engine_and_no_empty_column(capsys):
    print_tables(lines())
    assert (
        capsys.readouterr().out
        == """\
**generated: 5,000 x 64, k=5, one thread, 20 queries**

| engine | median ms | index |
| --- | --- | --- |
| **lookalike** | 1.50 | 2.0 MB |
| lookalike, embeddings left in S3 | 1.50 | 2.0 MB |
| sklearn | 1,234.50 |  |

Versions: numpy 2, scikit-learn 1.

faiss_flat: not installed

"""
    )


def test_each_data_set_has_a_table_and_results_without_engines_have_lines(capsys):
    other = DATA | {"rows": 6000, "engine": "numpy", "note": "not installed"}
    print_tables([*lines(), other, {"bench": "append", "rows": 3}, {"bench": "append", "rows": 4}])
    printed = capsys.readouterr().out
    assert printed.count("**generated:") == 2
    assert printed.endswith("numpy: not installed\n\nbench append  rows 3\nbench append  rows 4\n")
