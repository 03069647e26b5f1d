"""Promises of isolated functions only: Lambda's limits, its import path, its words for errors."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scripts.local import isolated
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.runner import FunctionRunner
from scripts.local.template import Function
from tests.support.isolation import isolation_or_skip

HANDLER = """
import os, subprocess, sys, time

calls = 0

def handler(event, context):
    global calls
    calls += 1
    match event.get("do"):
        case "take":
            block = bytearray(os.urandom(1024)) * 1024 * event["mb"]
            if event.get("give_back"):
                del block
            else:
                time.sleep(30)
        case "bear":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            with open(event["note"], "w") as note:
                note.write(str(child.pid))
            time.sleep(60)
        case "share":
            program = f"import time; block = b'x' * {event['mb']} * 1024 * 1024; time.sleep(30)"
            subprocess.run([sys.executable, "-c", program], check=False)
        case "see":
            return {"path": sys.path, "flags": sys.flags.isolated, "variables": dict(os.environ),
                    "remaining_ms": context.get_remaining_time_in_millis()}
        case "import":
            import layered
            return layered.NAME
        case "read":
            return open(os.environ["GIVEN"]).read()
        case "nap":
            time.sleep(event["s"])
    return {"calls": calls, "pid": os.getpid()}
"""


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    with isolation_or_skip() as isolation:
        yield isolation


@pytest.fixture
def make(isolation, tmp_path) -> Iterator[Callable[..., FunctionRunner]]:
    """Makes runners of a handler that is given as source, and closes them."""
    made: list[FunctionRunner] = []

    def make(source: str = HANDLER, *, timeout_s: float = 10, memory_mb: int = 256, **more) -> FunctionRunner:
        folder = tmp_path / "code"
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(source, encoding="utf-8")
        name = f"F{len(list(tmp_path.iterdir()))}{tmp_path.name}"
        given = {"GIVEN": "/opt/data/given.txt"}
        function = Function(name, "s-f", "arn:f", "app.handler", folder, given, timeout_s, memory_mb, None, **more)
        launch = isolation.launch(function, "http://127.0.0.1:9", tmp_path / "log")
        made.append(FunctionRunner(function, launch))
        return made[-1]

    yield make
    for runner in made:
        runner.close()


def log(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text(encoding="utf-8")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_but_the_function_its_layers_the_runtime_and_the_standard_library_is_on_the_path(make, tmp_path):
    seen = make().invoke({"do": "see"}).value
    code, versioned, python, runtime, *standard = seen["path"]
    assert code == str(tmp_path / "code")
    assert versioned == f"{python}/lib/python3.13/site-packages"
    assert python.endswith("/python")
    assert runtime == seen["variables"]["LAMBDA_RUNTIME_DIR"]
    assert not [path for path in standard if "site-packages" in path]
    assert seen["flags"] == 1


def test_the_variables_are_those_of_lambda(make, monkeypatch):
    monkeypatch.setenv("LEAKED", "1")
    seen = make().invoke({"do": "see"}).value
    variables = seen["variables"]
    assert "LEAKED" not in variables
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert variables["_X_AMZN_TRACE_ID"].endswith("Sampled=0")
    assert 5_000 < seen["remaining_ms"] <= 10_000


def test_layers_are_found_where_lambda_puts_them(make, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "layered.py").write_text(f"NAME = {name!r}", encoding="utf-8")
    (tmp_path / "two" / "data").mkdir()
    (tmp_path / "two" / "data" / "given.txt").write_text("from the layer", encoding="utf-8")
    runner = make(layer_dirs=(tmp_path / "one", tmp_path / "two"))
    assert runner.invoke({"do": "import"}).value == "two"
    assert runner.invoke({"do": "read"}).value == "from the layer"


def test_nothing_is_written_beside_the_code(make, tmp_path):
    make().invoke({})
    assert [path.name for path in (tmp_path / "code").iterdir()] == ["app.py"]


def test_a_function_that_takes_more_memory_than_it_has_is_ended(make, tmp_path):
    runner = make(memory_mb=128)
    started = time.monotonic()
    result = runner.invoke({"do": "take", "mb": 300})
    assert time.monotonic() - started < 10
    assert result.error["errorType"] == "Runtime.OutOfMemory"
    assert result.error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert runner.invoke({}).value["calls"] == 1
    assert "Runtime.OutOfMemory" in log(tmp_path)


def test_a_peak_between_two_looks_counts_too(make):
    runner = make(memory_mb=128)
    assert runner.invoke({"do": "take", "mb": 300, "give_back": True}).error["errorType"] == "Runtime.OutOfMemory"
    assert runner.invoke({"do": "take", "mb": 30, "give_back": True}).value["calls"] == 1


def test_the_memory_of_processes_that_a_function_has_started_counts_too(make):
    assert make(memory_mb=128).invoke({"do": "share", "mb": 300}).error["errorType"] == "Runtime.OutOfMemory"


def test_a_call_that_takes_too_long_is_ended_with_all_that_it_started(make, tmp_path):
    runner = make(timeout_s=1)
    result = runner.invoke({"do": "bear", "note": str(tmp_path / "child")})
    assert result.error["errorType"] == "Sandbox.Timedout"
    assert result.error["errorMessage"].startswith("RequestId: ")
    assert not is_running(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_an_initialisation_that_takes_too_long_is_begun_again_with_the_functions_own_limit(make, tmp_path, monkeypatch):
    monkeypatch.setattr(isolated, "INIT_LIMIT_S", 0.5)
    slow = "import time\ntime.sleep(1.5)\n" + HANDLER
    assert make(slow, timeout_s=10).invoke({}).value["calls"] == 1
    assert "INIT_REPORT Init Duration: 500.00 ms\tPhase: init\tStatus: timeout" in log(tmp_path)


def test_an_initialisation_that_takes_longer_than_that_is_an_error(make, monkeypatch):
    monkeypatch.setattr(isolated, "INIT_LIMIT_S", 0.3)
    result = make("import time\ntime.sleep(30)\n" + HANDLER, timeout_s=0.4).invoke({})
    assert result.error == {"errorType": "Sandbox.Timedout", "errorMessage": "Error: Task timed out after 0.40 seconds"}


def test_a_report_says_what_a_call_took(make, tmp_path):
    runner = make()
    runner.warm_up()
    runner.invoke({"do": "nap", "s": 0.2})
    runner.invoke({})
    cold, warm = [line for line in log(tmp_path).splitlines() if line.startswith("REPORT")]
    assert "Init Duration: " in cold
    assert "Init Duration: " not in warm
    assert float(cold.partition("Duration: ")[2].partition(" ms")[0]) >= 200
    assert "Memory Size: 256 MB" in warm
    assert 5 < int(warm.partition("Max Memory Used: ")[2].partition(" MB")[0]) < 256


HOOKED = """
import os, snapshot_restore_py
done = [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
snapshot_restore_py.register_before_snapshot(BEFORE)
snapshot_restore_py.register_after_restore(AFTER)
handler = lambda event, context: done
"""


def hooked(before: str = "lambda: done.append('before')", after: str = "lambda: done.append('after')") -> str:
    return HOOKED.replace("BEFORE", before).replace("AFTER", after)


def test_where_snapstart_is_on_lambdas_runtime_client_runs_the_hooks_before_the_first_call(make, tmp_path):
    runner = make(hooked(), snap_start=True)
    assert [runner.invoke({}).value for _ in range(2)] == [["snap-start", "before", "after"]] * 2
    first, second = [line for line in log(tmp_path).splitlines() if line.startswith("REPORT")]
    assert "Restore Duration: " in first
    assert "Restore Duration: " not in second
    assert "Init Duration: " not in first


def test_where_it_is_off_no_hook_runs(make):
    assert make(hooked()).invoke({}).value == ["on-demand"]


@pytest.mark.parametrize("hook", ["before", "after"])
def test_a_hook_that_fails_is_an_error_that_says_so(make, hook):
    result = make(hooked(**{hook: "lambda: 1 / 0"}), snap_start=True).invoke({})
    assert result.error["errorType"] == "ZeroDivisionError"


def test_a_warm_call_takes_a_few_milliseconds(make):
    runner = make()
    runner.invoke({})
    times = []
    for _ in range(20):
        started = time.perf_counter()
        runner.invoke({})
        times.append(time.perf_counter() - started)
    # An acknowledgement that is waited for costs 40 ms.
    assert sorted(times)[10] < 0.02


def test_closing_ends_the_process_and_what_it_has_started(make, tmp_path):
    runner = make()
    note = tmp_path / "child"
    calling = threading.Thread(target=runner.invoke, args=({"do": "bear", "note": str(note)},))
    calling.start()
    until = time.monotonic() + 10
    while not (note.exists() and note.read_text(encoding="utf-8")):
        assert time.monotonic() < until
        time.sleep(0.05)
    pids = [runner.pid, int(note.read_text(encoding="utf-8"))]
    with closing(runner):
        assert all(map(is_running, pids))
    calling.join(10)
    assert not any(map(is_running, pids))


def test_leaving_an_isolation_leaves_no_folder_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with isolation_or_skip():
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_without_the_packages_of_lambdas_image_it_says_what_to_run(tmp_path):
    with pytest.raises(NoRuntimeError, match="make build"), Isolation(venv=tmp_path / "none"):
        pass
