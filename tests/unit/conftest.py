"""Unit tests open no sockets; one that must say so with ``@pytest.mark.enable_socket``."""

import pytest
from pytest_socket import disable_socket

from tests.support.threads import one_thread  # noqa: F401 - a fixture of every test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    disable_socket(allow_unix_socket=True)
