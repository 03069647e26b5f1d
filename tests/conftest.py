"""What every test shares."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader


@pytest.fixture(autouse=True, scope="session")
def aws_services_are_read_once() -> Iterator[None]:
    """botocore reads what describes a service, up to a megabyte of JSON, for every session; tests make hundreds.

    Before, it looks through the folders of 400 services for the names of all.
    """
    read, list_services = JSONFileLoader().load_file, Loader.list_available_services
    listed: dict[tuple[str, ...], list[str]] = {}

    @cache
    def load_file(path: str) -> Any:
        return read(path)

    def list_available_services(loader: Loader, type_name: str) -> list[str]:
        place = (*loader.search_paths, type_name)
        if place not in listed:
            listed[place] = list_services(loader, type_name)
        return listed[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda self, path: load_file(path))
        patch.setattr(Loader, "list_available_services", list_available_services)
        yield
