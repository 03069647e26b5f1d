"""Isolated functions for tests, which are skipped where they cannot be run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scripts.local.built import NotBuiltError, built_template
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError


@contextmanager
def isolation_or_skip(model_dir: Path | None = None) -> Iterator[Isolation]:
    """An Isolation; skips where the packages of Lambda's image are missing."""
    with ExitStack() as undo:
        try:
            isolation = undo.enter_context(Isolation(model_dir=model_dir))
        except NoRuntimeError as error:
            pytest.skip(str(error))
        yield isolation


def built_template_or_skip() -> Path:
    """The template of the build; skips where nothing is built or the build is out of date."""
    try:
        return built_template()
    except NotBuiltError as error:
        pytest.skip(str(error))
