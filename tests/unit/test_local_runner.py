"""How a runner deals with processes that end at an awkward moment."""

from collections.abc import Sequence

import pytest

from scripts.local.calls import Result
from scripts.local.execution_environment import Launch
from scripts.local.runner import FunctionRunner
from scripts.local.runtime_api import ProcessEnded
from scripts.local.template import Function

READY = Result()


class Environment:
    """An execution environment that answers each event by its script."""

    pid, peak_mb, init_ms, restore_ms = 1, 10.0, 1.0, None
    has_ended = is_over_memory = False

    def __init__(self, *script: Result | Exception, ready: Result = READY) -> None:
        self.api = self
        self.events: list[bytes] = []
        self.closed = 0
        self._script, self._ready = list(script), ready

    def wait_until_ready(self, timeout_s):
        return self._ready

    def call(self, invocation, timeout_s):
        self.events.append(invocation.event)
        outcome = self._script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self):
        self.closed += 1
        return 1


def runner_of(folder, environments: Sequence[Environment]) -> FunctionRunner:
    function = Function("F", "s-f", "arn:f", "app.handler", folder, {}, 3, 128, None)
    waiting = list(environments)
    return FunctionRunner(function, Launch([], {}, folder / "log", (1.0,)), lambda _: waiting.pop(0))


def test_an_event_that_a_warm_process_did_not_live_to_take_goes_to_a_fresh_one(tmp_path):
    first, second = Environment(Result(1), ProcessEnded(delivered=False)), Environment(Result(2))
    runner = runner_of(tmp_path, [first, second])
    assert [runner.invoke({}), runner.invoke({"second": True})] == [Result(1), Result(2)]
    assert second.events == [b'{"second": true}']
    assert (first.closed, second.closed) == (1, 0)


def test_an_event_that_was_taken_is_never_handed_out_again(tmp_path):
    first, second = Environment(Result(1), ProcessEnded(delivered=True)), Environment(Result(2))
    runner = runner_of(tmp_path, [first, second])
    runner.invoke({})
    assert runner.invoke({}).error["errorType"] == "Runtime.ExitError"
    assert not second.events
    assert runner.invoke({}) == Result(2)


def test_a_fresh_process_that_does_not_live_to_take_the_event_either_is_an_error(tmp_path):
    ends = [Environment(Result(1), ProcessEnded(delivered=False)), Environment(ProcessEnded(delivered=False))]
    runner = runner_of(tmp_path, ends)
    runner.invoke({})
    error = runner.invoke({}).error
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 1")


def test_a_process_that_has_ended_since_its_last_call_is_not_asked(tmp_path):
    first, second = Environment(Result(1)), Environment(Result(2))
    runner = runner_of(tmp_path, [first, second])
    runner.invoke({})
    first.has_ended = True
    assert runner.invoke({}) == Result(2)
    assert len(first.events) == first.closed == 1


def test_an_initialisation_that_fails_is_tried_afresh_by_the_next_call(tmp_path):
    failing = Environment(ready=Result(error={"errorType": "Runtime.ImportModuleError", "errorMessage": "no x"}))
    runner = runner_of(tmp_path, [failing, Environment(Result(1))])
    assert runner.warm_up().error["errorType"] == "Runtime.ImportModuleError"
    assert failing.closed == 1
    assert runner.invoke({}) == Result(1)


def test_a_process_whose_answer_was_too_large_is_replaced(tmp_path):
    too_large = Result(error={"errorType": "Function.ResponseSizeTooLarge", "errorMessage": "x"})
    first = Environment(too_large)
    runner = runner_of(tmp_path, [first, Environment(Result(1))])
    assert runner.invoke({}) == too_large
    assert first.closed == 1
    assert runner.invoke({}) == Result(1)


@pytest.mark.parametrize("warm", [False, True])
def test_a_runner_that_is_closed_starts_nothing(tmp_path, warm):
    first = Environment(Result(1))
    runner = runner_of(tmp_path, [first])
    if warm:
        runner.invoke({})
    runner.close()
    assert first.closed == warm
    assert "shutting down" in runner.invoke({}).error["errorMessage"]
