"""Functions in processes of their own, called as Lambda calls them: from their sources, and isolated as on Lambda.

Both ways keep the same promises; test_local_isolated.py has those of the isolated way only.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scripts.local.alias import Alias
from scripts.local.calls import MAX_PAYLOAD_BYTES, MAX_RESPONSE_BYTES, Result
from scripts.local.execution_environment import Launcher
from scripts.local.runner import FunctionRunner
from scripts.local.sources import from_sources
from scripts.local.template import Function
from tests.support.isolation import isolation_or_skip

HANDLER = """
import os, subprocess, sys, time

calls = 0

def handler(event, context):
    global calls
    calls += 1
    match event.get("do"):
        case "fail":
            raise KeyError("on purpose")
        case "die":
            os._exit(7)
        case "leave":
            os._exit(0)
        case "exit":
            sys.exit("leaving")
        case "leave a child":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
            if os.fork():
                os._exit(7)
            time.sleep(60)
        case "sleep":
            time.sleep(event["s"])
        case "much":
            return "x" * event["count"]
        case "nonsense":
            return object()
        case "environment":
            return dict(os.environ)
        case "context":
            return [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,
                    context.aws_request_id, context.get_remaining_time_in_millis()]
    print("called", calls)
    return {"calls": calls, "pid": os.getpid(), "folder": os.getcwd(), "event": event}
"""


def make_function(folder: Path, source: str = HANDLER, timeout_s: float = 10) -> Function:
    (folder / "app.py").write_text(source, encoding="utf-8")
    return Function("Eater", "small-eater", "arn:eater", "app.handler", folder, {"GIVEN": "1"}, timeout_s, 256, None)


@pytest.fixture(scope="module", params=["from sources", "isolated"])
def launcher(request, tmp_path_factory) -> Iterator[Launcher]:
    """The two ways to run a function."""
    if request.param == "from sources":
        yield from_sources(tmp_path_factory.mktemp("model"))
    else:
        with isolation_or_skip() as isolation:
            yield isolation.launch


@pytest.fixture
def make_runner(launcher, tmp_path) -> Callable[..., FunctionRunner]:
    """Makes a runner of a handler, given as source; the caller closes it."""

    def make(source: str = HANDLER, timeout_s: float = 10) -> FunctionRunner:
        function = make_function(tmp_path, source, timeout_s)
        return FunctionRunner(function, launcher(function, "http://127.0.0.1:9", tmp_path / "log"))

    return make


@pytest.fixture
def runner(make_runner) -> Iterator[FunctionRunner]:
    with closing(make_runner()) as runner:
        yield runner


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_stays_warm_from_call_to_call(runner, tmp_path):
    first, second = runner.invoke({"a": 1}).value, runner.invoke({"b": "é"}).value
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"] == runner.pid
    assert second["event"] == {"b": "é"}
    assert Path(first["folder"]).resolve() == tmp_path.resolve()


def test_what_a_handler_prints_is_in_the_log(runner, tmp_path):
    runner.invoke({})
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "called 1" in log
    assert "START RequestId" in log
    assert "REPORT RequestId" in log


def test_an_exception_is_reported_and_the_worker_goes_on(runner):
    result = runner.invoke({"do": "fail"})
    assert result.error["errorType"] == "KeyError"
    assert result.error["errorMessage"] == "'on purpose'"
    assert result.error["stackTrace"]
    assert runner.invoke({}).value["calls"] == 2


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("die", "Runtime exited with error: exit status 7"),
        ("leave", "Runtime exited without providing a reason"),
        ("leave a child", "Runtime exited with error: exit status 7"),
        ("exit", "Runtime exited with"),
    ],
)
def test_a_worker_that_dies_is_an_error_in_lambdas_words_and_is_replaced(runner, tmp_path, way, reason):
    started = time.monotonic()
    result = runner.invoke({"do": way})
    assert time.monotonic() - started < 8, "its end was noticed, and not its timeout"
    assert result.value is None
    assert result.error["errorType"] == "Runtime.ExitError"
    assert f" Error: {reason}" in result.error["errorMessage"]
    assert reason in (tmp_path / "log").read_text(encoding="utf-8")
    assert runner.invoke({}).value["calls"] == 1


def test_a_worker_that_dies_while_it_initialises_is_an_error(make_runner):
    with closing(make_runner("import os; os._exit(3)")) as runner:
        assert runner.invoke({}).error == {
            "errorType": "Runtime.ExitError",
            "errorMessage": "Error: Runtime exited with error: exit status 3",
        }


def test_a_worker_that_died_between_calls_is_replaced(runner):
    pid = runner.invoke({}).value["pid"]
    os.kill(pid, 9)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert runner.invoke({}).value["calls"] == 1


def test_a_call_that_takes_too_long_is_ended(make_runner, tmp_path):
    with closing(make_runner(timeout_s=0.5)) as runner:
        pid = runner.invoke({}).value["pid"]
        started = time.monotonic()
        result = runner.invoke({"do": "sleep", "s": 30})
        assert time.monotonic() - started < 10
        assert result.error["errorType"] == "Sandbox.Timedout"
        assert result.error["errorMessage"].endswith("Task timed out after 0.50 seconds")
        assert not is_alive(pid)
        assert runner.invoke({}).value["calls"] == 1
        assert "Task timed out" in (tmp_path / "log").read_text(encoding="utf-8")


def test_an_answer_that_is_no_json_is_an_error(runner):
    error = runner.invoke({"do": "nonsense"}).error
    assert error["errorType"] == "Runtime.MarshalError"
    assert "not JSON serializable" in error["errorMessage"]


def test_answers_and_events_have_lambdas_limit(runner):
    too_much = runner.invoke({"do": "much", "count": MAX_RESPONSE_BYTES - 1})  # and two quotes
    assert too_much.error["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(runner.invoke({"do": "much", "count": MAX_RESPONSE_BYTES - 2}).value) == MAX_RESPONSE_BYTES - 2
    assert runner.invoke({"text": "x" * MAX_PAYLOAD_BYTES}).error["errorType"] == "RequestEntityTooLarge"


def test_the_environment_is_the_functions_and_not_ours(make_runner, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with closing(make_runner()) as runner:
        found = runner.invoke({"do": "environment"}).value
    assert found["GIVEN"] == "1"
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "small-eater"
    assert not found.keys() & {"AWS_PROFILE", "PYTHONPATH", "PYTEST_CURRENT_TEST"}


def test_the_context_is_lambdas(runner):
    name, memory, arn, request_id, left_ms = runner.invoke({"do": "context"}).value
    assert (name, memory, arn) == ("small-eater", "256", "arn:eater")
    assert len(request_id) == 36
    assert 5_000 < left_ms <= 10_000


def test_a_handler_that_cannot_be_imported_is_every_calls_error(make_runner):
    with closing(make_runner("import nothing_of_that_name")) as runner:
        for result in (runner.warm_up(), runner.invoke({})):
            assert result.error["errorType"] == "Runtime.ImportModuleError"
            assert "nothing_of_that_name" in result.error["errorMessage"]


def test_closing_ends_a_call_in_flight(runner):
    runner.warm_up()
    pid = runner.pid
    closing = threading.Timer(0.3, runner.close)
    closing.start()
    assert runner.invoke({"do": "sleep", "s": 60}).error["errorType"] == "Runtime.ExitError"
    closing.join()
    assert not is_alive(pid)
    assert runner.invoke({}).error is not None
    assert runner.pid is None


def test_an_alias_runs_calls_side_by_side_and_reuses_the_warm_one(make_runner):
    alias = Alias([make_runner(), make_runner()])
    results: list[Result] = []
    try:
        one = {alias.invoke({}).value["pid"] for _ in range(3)}
        assert len(one) == 1
        threads = [
            threading.Thread(target=lambda: results.append(alias.invoke({"do": "sleep", "s": 0.5}))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        alias.close()
    assert len({result.value["pid"] for result in results}) == 2
