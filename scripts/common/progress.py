"""How far something has come: a bar on a terminal, now and then a line anywhere else."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from tqdm import tqdm

_LINE_EVERY_S: Final = 5


class Progress:
    """Counts up to ``total``. ``label`` says what is counted; output goes to standard error."""

    def __init__(self, total: int, label: str) -> None:
        self._total = total
        self._label = label
        self._done = 0
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(total=total, desc=label, unit=" photos", disable=not self._is_terminal, dynamic_ncols=True)
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def to(self, done: int) -> None:
        """Show that ``done`` are done; never goes back."""
        step = min(done, self._total) - self._done
        if step <= 0:
            return
        self._done += step
        self._bar.update(step)
        if not self._is_terminal and (time.monotonic() >= self._next_line or self._done == self._total):
            self._next_line = time.monotonic() + _LINE_EVERY_S
            print(f"{self._label}: {self._done:,} of {self._total:,} photos", file=sys.stderr, flush=True)
