"""Unit tests open no sockets; one that must say so with ``@pytest.mark.enable_socket``. Fixtures that several modules share."""

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

from lookalike.store import creation
from lookalike.store.object_store import MemoryStore
from tests.support.fakes import Clock
from tests.support.maps import maps_along_two_axes  # noqa: F401 - a fixture of every test
from tests.support.threads import one_thread  # noqa: F401 - a fixture of every test

# The same examples in every run. How long one takes says more of the machine than of the code.
settings.register_profile(
    "unit", deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")


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
