"""Unit tests open no sockets; one that must say so with ``@pytest.mark.enable_socket``. Fixtures that several modules share."""

import pytest
from pytest_socket import disable_socket

from lookalike.store import creation
from lookalike.store.object_store import MemoryStore
from tests.support.fakes import Clock
from tests.support.threads import one_thread  # noqa: F401 - a fixture of every test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    disable_socket(allow_unix_socket=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    """A store in memory whose objects are as old as the clock says."""
    return MemoryStore(clock)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts to create an object follow each other at once."""
    monkeypatch.setattr(creation, "_PAUSE_S", 0)
