"""Lambda's Runtime API for one execution environment: a function's process takes events from it and answers them.

    GET  /2018-06-01/runtime/invocation/next              waits for an event
    POST /2018-06-01/runtime/invocation/REQUEST_ID/response
    POST /2018-06-01/runtime/invocation/REQUEST_ID/error
    POST /2018-06-01/runtime/init/error                   the handler cannot be imported, or cannot be frozen
    GET  /2018-06-01/runtime/restore/next                 with SnapStart: ready to be frozen; the answer is the start of the copy
    POST /2018-06-01/runtime/restore/error                the copy cannot go on

No process is frozen here: the process itself goes on as its copy.

There are two sides. The function's process makes these requests, through an ``HttpServer`` whose app is a ``RuntimeApi``.
The supervisor waits until the process is ready, hands it one event at a time and waits for the answer, each within its
time limit. When the process has ended, its execution environment calls ``end``, and the supervisor waits no longer.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from scripts.local.calls import MAX_RESPONSE_BYTES, Result, failure
from scripts.local.http_server import Request, Response

_ROOT: Final = "/2018-06-01/runtime"
_ANSWER: Final = re.compile(rf"{_ROOT}/invocation/([^/]+)/(response|error)")
_ERROR_TYPE_HEADER: Final = "Lambda-Runtime-Function-Error-Type"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to a function. ``deadline_ms`` is in milliseconds since 1970; ``event`` is JSON."""

    request_id: str
    arn: str
    deadline_ms: int
    trace_id: str
    event: bytes


class ProcessEnded(Exception):
    """The process has ended. ``delivered``: it had taken the event."""

    def __init__(self, *, delivered: bool) -> None:
        super().__init__("the process has ended")
        self.delivered = delivered


class RuntimeApi:
    """Both sides of the Runtime API of one process. The supervisor's calls come from one thread at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._init_error: Result | None = None
        self._invocation: Invocation | None = None
        self._delivered = False
        self._result: Result | None = None
        self._ended = False
        self.ready_at: float | None = None
        """When the process first asked for an event, by ``time.perf_counter``: the end of its initialisation."""
        self.restored_at: float | None = None
        """When SnapStart would have frozen and copied it; None where SnapStart is off."""

    # --- the process's side -------------------------------------------------------------------------------------------

    def __call__(self, request: Request) -> Response:
        """Answer one request of the process."""
        if (request.method, request.path) == ("GET", f"{_ROOT}/invocation/next"):
            return self._next()
        if (request.method, request.path) == ("GET", f"{_ROOT}/restore/next"):
            return self._restore()
        if request.method == "POST" and request.path in (f"{_ROOT}/init/error", f"{_ROOT}/restore/error"):
            return self._fail_init(request)
        answer = _ANSWER.fullmatch(request.path)
        if request.method == "POST" and answer is not None:
            return self._settle(answer[1], answer[2], request)
        return _refused(404, "NotFound", f"there is no {request.method} {request.path}")

    def _next(self) -> Response:
        with self._changed:
            if self.ready_at is None:
                self.ready_at = time.perf_counter()
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended or (self._invocation is not None and not self._delivered))
            if self._ended or self._invocation is None:
                return _refused(500, "Runtime.Ended", "the execution environment has ended")
            self._delivered = True
            return Response(200, _headers(self._invocation), self._invocation.event)

    def _restore(self) -> Response:
        self.restored_at = time.perf_counter()
        return Response(200, (("Content-Type", "application/json"),), b"")

    def _fail_init(self, request: Request) -> Response:
        with self._changed:
            self._init_error = Result(error=_reported(request))
            self._changed.notify_all()
        return _ACCEPTED

    def _settle(self, request_id: str, kind: str, request: Request) -> Response:
        with self._changed:
            expected = self._invocation
            if expected is None or not self._delivered or self._result or expected.request_id != request_id:
                return _refused(400, "InvalidRequestID", "there is no event of that id to be answered")
            too_large = len(request.body) > MAX_RESPONSE_BYTES
            if too_large:
                limit = f"payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
                self._result = failure("Function.ResponseSizeTooLarge", f"Response {limit}")
            elif kind == "error":
                self._result = Result(error=_reported(request))
            else:
                self._result = _returned(request.body)
            self._changed.notify_all()
            return _refused(413, "RequestEntityTooLarge", f"Exceeded: {limit}") if too_large else _ACCEPTED

    # --- the supervisor's side ----------------------------------------------------------------------------------------

    def wait_until_ready(self, timeout_s: float) -> Result:
        """An empty result when the process asks for its first event, or the error that it reports instead.

        Raises TimeoutError and ProcessEnded.
        """
        with self._changed:
            self._wait(lambda: self.ready_at is not None or self._init_error is not None, timeout_s)
            return self._init_error or Result()

    def call(self, invocation: Invocation, timeout_s: float) -> Result:
        """Hand one event to the process: its answer or the error it reports. Raises TimeoutError and ProcessEnded."""
        with self._changed:
            self._invocation, self._delivered, self._result = invocation, False, None
            self._changed.notify_all()
            self._wait(lambda: self._result is not None, timeout_s)
            return self._result or Result()

    def end(self) -> None:
        """Note that the process has ended."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> None:
        if not self._changed.wait_for(lambda: done() or self._ended, timeout_s):
            raise TimeoutError
        if not done():
            raise ProcessEnded(delivered=self._delivered)


_ACCEPTED: Final = Response(202, (("Content-Type", "application/json"),), b'{"status":"OK"}')


def _refused(status: int, kind: str, message: str) -> Response:
    body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Response(status, (("Content-Type", "application/json"),), body)


def _headers(invocation: Invocation) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        ("Lambda-Runtime-Trace-Id", invocation.trace_id),
    )


def _returned(body: bytes) -> Result:
    try:
        return Result(json.loads(body))
    except ValueError:
        return failure("Function.InvalidResponse", "the answer is not JSON")


def _reported(request: Request) -> dict[str, Any]:
    """The error that the process reports; a body in another form becomes the message."""
    with contextlib.suppress(ValueError):
        report = json.loads(request.body)
        if isinstance(report, dict):
            return report
    kind = request.headers.get(_ERROR_TYPE_HEADER, "Runtime.Unknown")
    return {"errorType": kind, "errorMessage": request.body.decode(errors="replace")}
