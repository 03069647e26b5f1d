"""Functions run as Lambda runs them: awslambdaric in a process that sees the function, its layers and nothing else.

    with Isolation() as isolation, LocalStack(template=built_template, make_runner=isolation.runner) as stack: ...

awslambdaric, the client that AWS runs in Lambda, imports the handler and calls it. What Lambda does around it is done here:
limits of time, memory and payload, a fresh process after each that failed, errors in the form that callers of Lambda
get, and the lines about each call in the function's log. ``IsolatedRunner`` takes the place of ``ProcessRunner``.
"""

import contextlib
import json
import logging
import secrets
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from scripts.common.paths import ROOT
from scripts.local import lambda_folders
from scripts.local.execution_environment import ExecutionEnvironment, exit_reason
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.runner import MAX_PAYLOAD_BYTES, SHUTTING_DOWN, Result, error
from scripts.local.runtime_api import Invocation, ProcessEnded
from scripts.local.template import Function

INIT_LIMIT_S: Final = 10
"""How long an initialisation may take; one that takes longer is begun again, with the function's own limit."""

RUNTIME_VENV: Final = ROOT / ".venv-sam"
"""The environment of the functions' Python version that has the packages of Lambda's image: `make build`."""

_log = logging.getLogger(__name__)


class Isolation:
    """Makes isolated runners, as a context manager. ``environment`` starts a process without a runner around it.

    ``model_dir`` stands in for /opt/model, whatever the layers hold. Entering raises NoRuntimeError.
    """

    def __init__(self, *, venv: Path = RUNTIME_VENV, model_dir: Path | None = None) -> None:
        self._python = venv / "bin" / "python"
        self._venv = venv
        self._model_dir = model_dir
        self._exit = contextlib.ExitStack()
        self._opts: dict[str, Path] = {}
        self._laying_out = threading.Lock()

    def __enter__(self) -> Self:
        packages = next(iter(self._venv.glob("lib/python*/site-packages")), None)
        if packages is None:
            raise NoRuntimeError(f"{self._venv.name} is missing. Run `make build` first.")
        with contextlib.ExitStack() as undo:
            self._folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-")))
            self._runtime = lambda_folders.link_runtime(packages, self._folder / "runtime")
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._exit.close()

    def runner(self, function: Function, endpoint_url: str, log_path: Path) -> "IsolatedRunner":
        """A runner of a function: what LocalStack takes as ``make_runner``."""
        return IsolatedRunner(function, lambda: self.environment(function, endpoint_url, log_path), log_path)

    def environment(
        self, function: Function, endpoint_url: str, log_path: Path, *, without: Sequence[str] = ()
    ) -> ExecutionEnvironment:
        """A fresh process of a function, which has begun to initialise; it does not get the variables in ``without``."""
        opt = self._opt(function)
        variables = lambda_folders.environment(function, endpoint_url, opt, self._runtime)
        variables["AWS_LAMBDA_LOG_STREAM_NAME"] = f"[$LATEST]{secrets.token_hex(16)}"
        for name in without:
            del variables[name]
        bootstrap = Path(__file__).with_name("bootstrap.py")
        # -I: no PYTHON* variables and no working directory, -S: no site-packages, -B: the build stays as it is.
        command = [str(self._python), "-I", "-S", "-B", str(bootstrap), function.handler, str(opt), str(self._runtime)]
        return ExecutionEnvironment(command, variables, memory_mb=function.memory_mb, log_path=log_path)

    def _opt(self, function: Function) -> Path:
        """The function's /opt, made when it is first asked for."""
        with self._laying_out:
            if function.logical_id not in self._opts:
                opt = lambda_folders.lay_over(function.layer_dirs, self._folder / function.logical_id)
                if self._model_dir is not None:
                    (opt / "model").unlink(missing_ok=True)
                    (opt / "model").symlink_to(self._model_dir.resolve())
                self._opts[function.logical_id] = opt
            return self._opts[function.logical_id]


class IsolatedRunner:
    """One execution environment at a time, started by the first call and after each that ended; calls take turns."""

    def __init__(self, function: Function, start: Callable[[], ExecutionEnvironment], log_path: Path) -> None:
        self._function = function
        self._start = start
        self._log_path = log_path
        self._environment: ExecutionEnvironment | None = None
        self._called = False  # the environment there is
        self._closed = False
        self._turn = threading.Lock()
        self._state = threading.Lock()

    @property
    def pid(self) -> int | None:
        environment = self._environment
        return environment.pid if environment else None

    def warm_up(self) -> Result:
        with self._turn:
            return self._ready()

    def invoke(self, event: Mapping[str, Any]) -> Result:
        message = json.dumps(event).encode()
        if len(message) > MAX_PAYLOAD_BYTES:
            return error("RequestEntityTooLarge", f"the event is larger than {MAX_PAYLOAD_BYTES} bytes")
        with self._turn:
            try:
                return self._call(message)
            except ProcessEnded:
                return self._call(message)  # a fresh process takes the event that the last one did not live to take

    def close(self) -> None:
        with self._state:
            self._closed = True
        self._discard()

    def _ready(self) -> Result:
        """See to it that there is an initialised process, or tell why there is none."""
        if self._environment is not None:
            if not self._environment.has_ended:
                return Result()
            self._discard()  # it ended between two calls
        for limit_s in (INIT_LIMIT_S, self._function.timeout_s):
            with self._state:
                if self._closed:
                    return SHUTTING_DOWN
                environment = self._environment = self._start()
                self._called = False
            try:
                result = environment.api.wait_until_ready(limit_s)
            except ProcessEnded:
                return self._told(self._ended(environment))
            except TimeoutError:
                self._discard()
                self._note(f"INIT_REPORT Init Duration: {limit_s * 1000:.2f} ms\tPhase: init\tStatus: timeout")
                continue
            if result.error is not None:
                self._discard()
            return result
        return self._told(self._timed_out())

    def _call(self, message: bytes) -> Result:
        """One call. Raises ProcessEnded where the process ended after its last answer and before it took this event."""
        is_first = self._environment is None
        problem = self._ready()
        environment = self._environment
        if problem.error is not None or environment is None:
            return SHUTTING_DOWN if problem.error is None else problem
        request_id = str(uuid.uuid4())
        self._note(f"START RequestId: {request_id} Version: $LATEST")
        started = time.perf_counter()
        try:
            result = environment.api.call(self._invocation(request_id, message), self._function.timeout_s)
        except TimeoutError:
            self._discard()
            result = self._told(self._timed_out(), request_id)
        except ProcessEnded as end:
            result = self._told(self._ended(environment), request_id)
            if not end.delivered and not is_first:
                raise
        else:
            if environment.is_over_memory:
                result = self._told(self._ended(environment), request_id)
            elif (result.error or {}).get("errorType") == "Function.ResponseSizeTooLarge":
                self._told(result)
                self._discard()  # its runtime client gives up as well
        took_ms = (time.perf_counter() - started) * 1000
        restore_ms = environment.restore_ms
        began = (
            f"Init Duration: {environment.init_ms:.2f}" if restore_ms is None else f"Restore Duration: {restore_ms:.2f}"
        )
        init = "" if self._called else f"\t{began} ms"
        self._called = True
        self._note(
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {took_ms:.2f} ms\tMemory Size: {self._function.memory_mb} MB"
            f"\tMax Memory Used: {environment.peak_mb:.0f} MB{init}"
        )
        return result

    def _invocation(self, request_id: str, message: bytes) -> Invocation:
        now_s = time.time()
        trace_id = f"Root=1-{int(now_s):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
        deadline_ms = int((now_s + self._function.timeout_s) * 1000)
        return Invocation(request_id, self._function.arn, deadline_ms, trace_id, message)

    def _timed_out(self) -> Result:
        return error("Sandbox.Timedout", f"Task timed out after {self._function.timeout_s:.2f} seconds")

    def _ended(self, environment: ExecutionEnvironment) -> Result:
        """Why a process is gone, or has to go."""
        over_memory = environment.is_over_memory
        status = self._discard()
        if status is None:
            return SHUTTING_DOWN
        if over_memory:
            return error("Runtime.OutOfMemory", exit_reason(-signal.SIGKILL))
        return error("Runtime.ExitError", exit_reason(status))

    def _told(self, result: Result, request_id: str | None = None) -> Result:
        """The error in the form that callers of Lambda get, noted where people look for it."""
        if self._closed or result.error is None:
            return SHUTTING_DOWN
        kind, message = result.error["errorType"], f"Error: {result.error['errorMessage']}"
        if request_id is not None:
            message = f"RequestId: {request_id} {message}"
        _log.warning("%s: %s %s", self._function.logical_id, kind, message)
        self._note(f"{message}\n{kind}")
        return error(kind, message)

    def _note(self, line: str) -> None:
        with contextlib.suppress(OSError), self._log_path.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _discard(self) -> int | None:
        """End the process; its exit status, None where there was none."""
        with self._state:
            environment, self._environment = self._environment, None
        return None if environment is None else environment.close()
