"""Progress of a command: a bar on a terminal, a line every few seconds anywhere else."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from tqdm import tqdm

_LINE_EVERY_S: Final = 5


class Progress:
    """Counts up to ``total`` on standard error. ``label`` names the work; ``unit`` is a plural, "B" for bytes."""

    def __init__(self, total: int, label: str, unit: str = "photos") -> None:
        self._total = total
        self._label = label
        self._unit = unit
        self._done = 0
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            desc=label,
            unit=f" {unit}",
            unit_scale=unit == "B",
            disable=not self._is_terminal,
            dynamic_ncols=True,
        )
        self._begun = time.monotonic()
        self._next_line = self._begun + _LINE_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def step(self, count: int = 1) -> None:
        """Show that ``count`` more are done."""
        self.to(self._done + count)

    def to(self, done: int) -> None:
        """Show that ``done`` are done; never goes back."""
        step = min(done, self._total) - self._done
        if step <= 0:
            return
        self._done += step
        self._bar.update(step)
        if not self._is_terminal and (time.monotonic() >= self._next_line or self._done == self._total):
            self._next_line = time.monotonic() + _LINE_EVERY_S
            print(
                f"{self._label}: {self._done:,} of {self._total:,} {self._unit}{self._pace()}",
                file=sys.stderr,
                flush=True,
            )

    def _pace(self) -> str:
        """The rate, and the time that the rest takes at it."""
        elapsed_s = time.monotonic() - self._begun
        if elapsed_s < 1:
            return ""
        rate = self._done / elapsed_s
        left_s = round((self._total - self._done) / rate)
        left = f", {tqdm.format_interval(left_s)} left" if left_s else f" in {tqdm.format_interval(round(elapsed_s))}"
        return f", {tqdm.format_sizeof(rate)} a second{left}"
