"""What benchmarks print and write into the documents, and what they carry on."""

import shutil
from pathlib import Path

import pytest

from scripts.benchmarks import every
from scripts.benchmarks.command import parser
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.projection import BASELINE_BYTES, LARGEST_BYTES, line_through, project
from scripts.benchmarks.report import markdown_table, projection_table, replace_part, section
from scripts.benchmarks.results import print_tables, text_table

ROOT = Path(__file__).resolve().parents[2]
DATA = {"bench": "search", "data": "generated", "rows": 5000, "dim": 64}


def lines() -> list[dict]:
    return [
        dict(
            **DATA,
            engine="lookalike",
            exact_tier="memory",
            k=5,
            threads=1,
            queries=20,
            p50_ms=1.5,
            resident_bytes=2_000_000,
            version="numpy 2",
        ),
        dict(
            **DATA,
            engine="sklearn",
            k=5,
            threads=1,
            queries=20,
            p50_ms=1234.5,
            resident_bytes=4_000_000,
            version="numpy 2, scikit-learn 1",
        ),
        dict(**DATA, engine="usearch", note="not installed"),
    ]


def growth_lines() -> list[dict]:
    """Figures on a straight line: 500 bytes, 2e-5 ms and 400 bytes to read for a row."""
    return [
        {
            "bench": "growth", "data": "generated", "rows": rows, "dim": 512, "engine": "lookalike", "exact_tier": tier,
            "p50_ms": 1 + rows * 2e-5, "resident_bytes": 1000 + 500 * rows, "load_bytes_read": 400 * rows, "bytes_read": 7000,
        }
        for rows in (100_000, 1_000_000)
        for tier in ("memory", "S3")
    ]  # fmt: skip


def test_a_table_is_aligned_and_has_no_empty_columns():
    shown = text_table(lines()).splitlines()
    assert shown[0] == "generated: 5,000 x 64, k=5, one thread, 20 queries"
    assert shown[1].split() == ["engine", "exact_tier", "p50_ms", "resident_bytes"]
    assert len({len(line) for line in shown[1:4]}) == 1
    assert shown[3].endswith("1,234.50          4.0 MB")
    assert shown[4] == "usearch: not installed"


def test_engines_of_one_data_set_are_printed_together(capsys):
    other = dict(**DATA | {"rows": 6000}, engine="numpy", p50_ms=2.0)
    print_tables([*lines(), other, {"bench": "append", "rows": 3}])
    printed = capsys.readouterr().out
    assert printed.count("generated:") == 2
    assert printed.endswith("bench append  rows 3\n")


def test_a_section_has_its_commands_its_figures_and_its_versions():
    text = section(lines(), ["python -m scripts.bench search"])
    assert text.startswith("    python -m scripts.bench search\n")
    assert "| **lookalike** | 1.50 | 2.0 MB |" in text
    assert "usearch: not installed" in text
    assert text.endswith("Versions: numpy 2, scikit-learn 1.")


def test_a_markdown_table_tells_where_ours_has_its_embeddings():
    table = markdown_table([dict(**DATA, engine="lookalike", exact_tier="S3", p50_ms=1.0)])
    assert table.splitlines()[2] == "| lookalike, embeddings left in S3 | 1.00 |"


def test_only_what_is_between_the_marks_is_replaced():
    begin, end = "<!-- begin search: written by `make bench` -->", "<!-- end search -->"
    text = f"before\n{begin}\nold \\1\n{end}\nafter\n"
    once = replace_part(text, "search", "    new \\1\n")
    assert once == f"before\n{begin}\n    new \\1\n{end}\nafter\n"
    assert replace_part(once, "search", "    new \\1") == once


def test_a_document_without_marks_is_refused():
    with pytest.raises(BenchError, match="begin search"):
        replace_part("nothing", "search", "new")


def test_all_writes_the_parts_of_what_was_run_and_leaves_the_rest_alone(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("benchmarks.md", "growth.md"):
        shutil.copy(ROOT / "docs" / name, docs)
    before = (docs / "benchmarks.md").read_text()
    monkeypatch.setattr(every, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(every, "_lines", lambda arguments: growth_lines())
    monkeypatch.setattr(every, "find_spec", lambda name: None)
    found = list(every.run(parser("").parse_args(["all", "growth", "--root", str(tmp_path)])))
    assert found == growth_lines()
    after = (docs / "benchmarks.md").read_text()
    assert "-m scripts.bench growth\n\n**Generated: 100,000 x 512**" in after
    mark = "<!-- begin growth"
    assert after.partition(mark)[0] == before.partition(mark)[0]
    assert after.partition("<!-- end growth")[2] == before.partition("<!-- end growth")[2]
    assert "| functions | 1 | 1 | 5 |" in (docs / "growth.md").read_text()
    assert len((tmp_path / "scratch" / "growth.jsonl").read_text().splitlines()) == len(found)


def test_a_line_goes_through_the_two_largest():
    line = line_through([(1000, 99.0), (30, 5.0), (2000, 109.0)])
    assert (line.fixed, line.per_row) == pytest.approx((89.0, 0.01))
    assert line_through([(1000, 99.0), (2000, 89.0)]).at(10_000) == 89
    with pytest.raises(ValueError, match="two sizes"):
        line_through([(1000, 99.0)])


def test_ten_million_rows_fit_one_function_and_a_hundred_million_do_not():
    ten = project(growth_lines(), 10_000_000)
    assert ten.scan_bytes == pytest.approx(5e9, rel=1e-3)
    assert ten.exact_bytes == 10_000_000 * 2048
    assert ten.first_read_bytes == pytest.approx(4e9, rel=1e-3)
    assert ten.one_thread_ms == pytest.approx(201)
    assert ten.functions == 1
    hundred = project(growth_lines(), 100_000_000)
    assert hundred.functions == 5
    assert hundred.memory_bytes <= LARGEST_BYTES
    assert (hundred.functions - 1) * (LARGEST_BYTES - BASELINE_BYTES) < hundred.scan_bytes
    assert hundred.cost > 5 * ten.cost


def test_a_small_catalogue_costs_what_lambda_asks_for_its_time():
    small = project(growth_lines(), 1000)
    # 60 ms and a little of 1,769 MB, a million times, and the calls themselves.
    assert small.cost == pytest.approx(61.02e3 * 1769 / 1024 * 0.0000166667 + 0.20, rel=1e-3)


def test_too_little_measured_is_said():
    assert projection_table(growth_lines()[:2]).startswith("No projection")
    assert "100,000,000 rows" in projection_table(growth_lines())
