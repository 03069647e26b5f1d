"""Results as a plain table: a line for each measure, a column for each system."""

from collections.abc import Sequence

from scripts.evaluation.bootstrap import Estimate
from scripts.evaluation.run import Result


def table(results: Sequence[Result]) -> str:
    """The table, in Markdown that is readable as it is."""
    systems = list(dict.fromkeys(result.system for result in results))
    lines: dict[tuple[str, str], dict[str, Estimate]] = {}
    for result in results:
        lines.setdefault((result.measure, result.of), {})[result.system] = result.estimate
    rows = [["measure", "of", "queries", *systems]]
    for (measure, of), estimates in lines.items():
        count = max(estimate.queries for estimate in estimates.values())
        rows.append([measure, of, f"{count:,}", *(cell(estimates.get(system)) for system in systems)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows)


def cell(estimate: Estimate | None) -> str:
    """A value with half the width of its interval: 0.712 ±0.011. JSON has both ends."""
    return "" if estimate is None else f"{estimate.value:.3f} ±{(estimate.high - estimate.low) / 2:.3f}"
