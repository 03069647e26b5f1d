"""Calls one function, in a process that takes one event at a time.

This module does what Lambda does around the process: limits of time and payload, a fresh process after each one that failed,
errors in the form that callers of Lambda get, and the lines about each call in the function's log.
"""

import contextlib
import json
import logging
import secrets
import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from scripts.local.calls import MAX_PAYLOAD_BYTES, SHUTTING_DOWN, Result, failure
from scripts.local.execution_environment import ExecutionEnvironment, Launch, exit_reason
from scripts.local.runtime_api import Invocation, ProcessEnded
from scripts.local.template import Function

_log = logging.getLogger(__name__)


class FunctionRunner:
    """One execution environment at a time, started by the first call and after each one that ended.

    Any number of threads may call at once; their calls take turns. ``start`` begins an execution environment.
    """

    def __init__(
        self,
        function: Function,
        launch: Launch,
        start: Callable[[Launch], ExecutionEnvironment] = ExecutionEnvironment,
    ) -> None:
        self._function = function
        self._launch = launch
        self._start = start
        self._environment: ExecutionEnvironment | None = None
        self._is_called = False  # the environment there is
        self._is_closed = False
        self._turn = threading.Lock()
        self._state = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process that runs the function, while there is one."""
        environment = self._environment
        return environment.pid if environment else None

    def warm_up(self) -> Result:
        """Get ready to be called. An error is the one that calls would end with."""
        with self._turn:
            return self._get_ready()

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function. Every failure of it is a result, also its timeout and its death."""
        message = json.dumps(event).encode()
        if len(message) > MAX_PAYLOAD_BYTES:
            return failure("RequestEntityTooLarge", f"the event is larger than {MAX_PAYLOAD_BYTES} bytes")
        with self._turn:
            try:
                return self._call(message)
            except ProcessEnded:
                return self._call(message)  # the process ended before it took the event: a fresh one takes it

    def close(self) -> None:
        """End the process; calls in flight end with an error."""
        with self._state:
            self._is_closed = True
        self._discard()

    def _get_ready(self) -> Result:
        """Start a process where there is none; an error where it does not initialise."""
        if self._environment is not None:
            if not self._environment.has_ended:
                return Result()
            self._discard()  # it ended between two calls
        for limit_s in self._launch.init_limits_s:
            with self._state:
                if self._is_closed:
                    return SHUTTING_DOWN
                environment = self._environment = self._start(self._launch)
                self._is_called = False
            try:
                result = environment.api.wait_until_ready(limit_s)
            except ProcessEnded:
                return self._logged(self._end_of(environment))
            except TimeoutError:
                self._discard()
                self._write(f"INIT_REPORT Init Duration: {limit_s * 1000:.2f} ms\tPhase: init\tStatus: timeout")
                continue
            if result.error is not None:
                self._discard()
            return result
        return self._logged(_timed_out(self._launch.init_limits_s[-1]))

    def _call(self, message: bytes) -> Result:
        """One call. Raises ProcessEnded where a process that had answered before ended without taking this event."""
        is_fresh = self._environment is None
        problem = self._get_ready()
        environment = self._environment
        if problem.error is not None or environment is None:
            return SHUTTING_DOWN if problem.error is None else problem
        request_id = str(uuid.uuid4())
        self._write(f"START RequestId: {request_id} Version: $LATEST")
        started = time.perf_counter()
        try:
            result = environment.api.call(self._invocation(request_id, message), self._function.timeout_s)
        except TimeoutError:
            self._discard()
            result = self._logged(_timed_out(self._function.timeout_s), request_id)
        except ProcessEnded as end:
            result = self._logged(self._end_of(environment), request_id)
            if not end.delivered and not is_fresh:
                raise
        else:
            if environment.is_over_memory:
                result = self._logged(self._end_of(environment), request_id)
            elif (result.error or {}).get("errorType") == "Function.ResponseSizeTooLarge":
                self._logged(result)
                self._discard()  # its runtime client gives up as well
        self._write(f"END RequestId: {request_id}\n{self._report(request_id, started, environment)}")
        self._is_called = True
        return result

    def _invocation(self, request_id: str, message: bytes) -> Invocation:
        now_s = time.time()
        trace_id = f"Root=1-{int(now_s):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
        deadline_ms = int((now_s + self._function.timeout_s) * 1000)
        return Invocation(request_id, self._function.arn, deadline_ms, trace_id, message)

    def _report(self, request_id: str, started: float, environment: ExecutionEnvironment) -> str:
        figures = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {(time.perf_counter() - started) * 1000:.2f} ms",
            f"Memory Size: {self._function.memory_mb} MB",
        ]
        if environment.peak_mb is not None:
            figures.append(f"Max Memory Used: {environment.peak_mb:.0f} MB")
        if not self._is_called and environment.restore_ms is not None:
            figures.append(f"Restore Duration: {environment.restore_ms:.2f} ms")
        elif not self._is_called:
            figures.append(f"Init Duration: {environment.init_ms:.2f} ms")
        return "\t".join(figures)

    def _end_of(self, environment: ExecutionEnvironment) -> Result:
        """Why a process has ended, or has to end now."""
        is_over_memory = environment.is_over_memory
        status = self._discard()
        if status is None:
            return SHUTTING_DOWN
        if is_over_memory:
            return failure("Runtime.OutOfMemory", exit_reason(-signal.SIGKILL))
        return failure("Runtime.ExitError", exit_reason(status))

    def _logged(self, result: Result, request_id: str | None = None) -> Result:
        """The error in the form that callers of Lambda get; it is also written to the logs."""
        if self._is_closed or result.error is None:
            return SHUTTING_DOWN
        kind, message = result.error["errorType"], f"Error: {result.error['errorMessage']}"
        if request_id is not None:
            message = f"RequestId: {request_id} {message}"
        _log.warning("%s: %s %s", self._function.logical_id, kind, message)
        self._write(f"{message}\n{kind}")
        return failure(kind, message)

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError), self._launch.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _discard(self) -> int | None:
        """End the process; its exit status, None where there was none."""
        with self._state:
            environment, self._environment = self._environment, None
        return None if environment is None else environment.close()


def _timed_out(limit_s: float) -> Result:
    return failure("Sandbox.Timedout", f"Task timed out after {limit_s:.2f} seconds")
