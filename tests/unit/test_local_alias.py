"""A function's name leads to one version at a time, and no call is lost when it moves on."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scripts.local.alias import Alias
from scripts.local.calls import SHUTTING_DOWN, Result


class Version:
    """A runner that answers with its name; an event with ``wait`` waits for ``let_go``."""

    pid = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.let_go = threading.Event()
        self.began = threading.Event()
        self.closed = False

    def invoke(self, event: Mapping[str, Any]) -> Result:
        self.began.set()
        if event.get("wait"):
            self.let_go.wait(10)
        return SHUTTING_DOWN if self.closed else Result(self.name)

    def warm_up(self) -> Result:
        return Result()

    def close(self) -> None:
        self.closed = True
        self.let_go.set()


@pytest.fixture
def old() -> Version:
    return Version("old")


@pytest.fixture
def new() -> Version:
    return Version("new")


def test_a_call_ends_on_the_version_that_it_began_on(old: Version, new: Version) -> None:
    alias = Alias([old])
    with ThreadPoolExecutor(3) as pool:
        under_way = pool.submit(alias.invoke, {"wait": True})
        old.began.wait(10)
        waiting = pool.submit(alias.invoke, {})  # for the only runner there is
        before = alias.switch_to([new])
        assert alias.invoke({}).value == "new"

        drained = pool.submit(alias.drain, before, timeout_s=10)
        assert not old.closed
        old.let_go.set()
        drained.result()
        assert {under_way.result().value, waiting.result().value} <= {"old", "new"}
        assert under_way.result().value == "old"
        assert old.closed
    assert not new.closed


def test_a_call_that_does_not_end_is_ended(old: Version, new: Version) -> None:
    alias = Alias([old])
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(alias.invoke, {"wait": True})
        old.began.wait(10)
        alias.drain(alias.switch_to([new]), timeout_s=0.05)
        assert under_way.result() == SHUTTING_DOWN


def test_closing_it_closes_what_it_leads_to(old: Version, new: Version) -> None:
    alias = Alias([old])
    alias.drain(alias.switch_to([new]), timeout_s=1)
    alias.close()
    assert new.closed
    assert alias.invoke({}) == SHUTTING_DOWN
