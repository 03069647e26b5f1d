"""An executor without threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Self


class InlineExecutor:
    """Runs what it is given at once, so that calls of the store come in one order."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map[A, B](self, function: Callable[..., B], *items: Iterable[A]) -> Iterator[B]:
        return map(function, *items)

    def submit[B](self, function: Callable[..., B], *arguments: Any) -> Future[B]:
        done: Future[B] = Future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            done.set_exception(error)
        return done
