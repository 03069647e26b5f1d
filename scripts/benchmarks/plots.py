"""Plots of results, as SVG that is the same for the same figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks.results import Result, groups

_COLOURS: Final = {
    "lookalike": "#b3261e",
    "sklearn": "#4c566a",
    "numpy": "#8a8f98",
    "faiss_flat": "#1f6f8b",
    "faiss_panorama": "#2a9d8f",
    "faiss_panorama_pca": "#6aa84f",
    "usearch": "#8f6bb3",
    "lancedb": "#c58b2a",
}


def growth(results: Sequence[Result], path: Path) -> None:
    """Time, rows looked at, bytes read and memory against the number of rows."""
    measured = [line for line in results if not line.get("note")]
    figure, axes = _figure(2, 2, (9, 6.4))
    lean = [line for line in measured if line.get("exact_tier") == "S3"]
    full = [line for line in measured if line.get("exact_tier") == "memory"]
    for engine in dict.fromkeys(line["engine"] for line in measured):
        lines = [line for line in measured if line["engine"] == engine and line.get("exact_tier") != "S3"]
        _curve(axes[0][0], lines, "p50_ms", engine, _COLOURS[engine])
    _finish(axes[0][0], "a search, median", "ms")
    _curve(axes[0][1], full, "rows", "scanned", "#4c566a")
    _curve(axes[0][1], full, "rows_refined", "bounded a second time", "#1f6f8b")
    _curve(axes[0][1], full, "rows_exact", "computed exactly", "#b3261e")
    _finish(axes[0][1], "rows looked at", "rows")
    _curve(axes[1][0], lean, "load_bytes_read", "to load", "#1f6f8b", unit=1e-6)
    _curve(axes[1][0], lean, "bytes_read", "for each search, cold", "#b3261e", unit=1e-6)
    _finish(axes[1][0], "bytes read from S3", "MB")
    _curve(axes[1][1], lean, "process_bytes", "process, embeddings left in S3", "#b3261e", unit=1e-6)
    _curve(axes[1][1], full, "process_bytes", "process, embeddings in memory", "#1f6f8b", unit=1e-6)
    _curve(axes[1][1], lean, "resident_bytes", "scan tier", "#4c566a", unit=1e-6)
    _finish(axes[1][1], "memory", "MB")
    _save(figure, path)


def search(results: Sequence[Result], path: Path) -> None:
    """The median time of each engine, a panel for each data set."""
    panels = groups(line for line in results if not line.get("note") and line.get("exact_tier") != "S3")
    figure, axes = _figure(1, len(panels), (4.5 * len(panels), 3))
    for axis, lines in zip(axes[0], panels, strict=True):
        names = [line["engine"] for line in lines]
        times = [line["p50_ms"] for line in lines]
        bars = axis.barh(names, times, color=[_COLOURS[name] for name in names])
        axis.bar_label(bars, [f"{ms:,.1f}" for ms in times], padding=3, fontsize=8)
        axis.set(
            xscale="log",
            xlabel="median ms, one query",
            title=f"{lines[0]['data']}\n{lines[0]['rows']:,} x {lines[0]['dim']:,}",
        )
        axis.margins(x=0.2)
        axis.invert_yaxis()
    _save(figure, path)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    # Ids that are drawn from this, and text left as text: two runs with equal figures give equal files, and small ones.
    plt.rcParams |= {"svg.hashsalt": "lookalike", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10}
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    return figure, axes


def _curve(axis: Any, lines: Sequence[Result], name: str, label: str, colour: str, *, unit: float = 1.0) -> None:
    # A logarithmic axis has no place for nothing.
    points = [(line["rows"], line[name] * unit) for line in lines if line.get(name)]
    if points:
        axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=label, color=colour)


def _finish(axis: Any, title: str, unit: str) -> None:
    axis.set(xscale="log", yscale="log", title=title, xlabel="rows", ylabel=unit)
    axis.grid(visible=True, which="major", alpha=0.3)
    axis.legend(fontsize=7)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
