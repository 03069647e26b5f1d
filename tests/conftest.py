"""What every test shares."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader


@pytest.fixture(autouse=True, scope="session")
def aws_services_are_read_once() -> Iterator[None]:
    """botocore reads what describes a service, up to a megabyte of JSON, for every session; tests make hundreds."""
    read = JSONFileLoader().load_file

    @cache
    def load_file(path: str) -> Any:
        return read(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda self, path: load_file(path))
        yield
