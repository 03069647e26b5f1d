"""Calling a function: one worker at a time, or several behind one interface.

A ``FunctionRunner`` is all that the gateway, the poller and the schedule know of functions, so that another way to run
them takes this one's place without a change elsewhere.
"""

import json
import logging
import os
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from scripts.local import channel
from scripts.local.intrinsics import REGION
from scripts.local.lifeline import Child, python
from scripts.local.template import Function

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""The largest event of a synchronous call of Lambda."""
MAX_RESPONSE_BYTES: Final = MAX_PAYLOAD_BYTES + 100
"""The largest answer to one."""

# A cold start loads ONNX Runtime and a model; on a busy machine it takes longer than Lambda's ten seconds.
_INIT_TIMEOUT_S: Final = 120
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended: what the handler returned, or the error that Lambda would report."""

    value: Any = None
    error: Mapping[str, Any] | None = None


class Callee(Protocol):
    """What callers need of a function: a runner or a pool of them."""

    def invoke(self, event: Mapping[str, Any]) -> Result: ...


class FunctionRunner(Protocol):
    """A function that can be called. Any number of threads may call at once; calls may have to wait for their turn."""

    @property
    def pid(self) -> int | None:
        """The process that runs the function, while there is one."""

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function. What goes wrong in it, its timeout and its death included, is a result."""

    def warm_up(self) -> Result:
        """Get ready to be called. An error is the one that calls would end with."""

    def close(self) -> None:
        """End whatever runs the function; calls in flight end with an error."""


def error(kind: str, message: str) -> Result:
    """The result of a call that did not come to its end."""
    return Result(error={"errorType": kind, "errorMessage": message})


SHUTTING_DOWN: Final = error("Runtime.ExitError", "the stack is shutting down")


@dataclass(slots=True)
class ProcessRunner:
    """One worker process, started by the first call and after each death."""

    function: Function
    environment: Mapping[str, str]
    log_path: Path
    _child: Child | None = None
    _channel: socket.socket | None = None
    _closed: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _state: threading.Lock = field(default_factory=threading.Lock)

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child else None

    def warm_up(self) -> Result:
        with self._turn:
            return self._started()

    def invoke(self, event: Mapping[str, Any]) -> Result:
        request_id = str(uuid.uuid4())
        with self._turn:
            problem = self._started()
            if problem.error:
                return problem
            timeout_s = self.function.timeout_s
            request = {
                "request_id": request_id,
                "arn": self.function.arn,
                "deadline_s": time.time() + timeout_s,
                "event": event,
            }
            message = json.dumps(request).encode()
            if len(message) > MAX_PAYLOAD_BYTES:
                return error("RequestEntityTooLarge", f"the event is larger than {MAX_PAYLOAD_BYTES} bytes")
            return self._call(message, request_id, timeout_s)

    def _call(self, message: bytes, request_id: str, timeout_s: float) -> Result:
        connection = self._channel
        if connection is None:
            return SHUTTING_DOWN
        try:
            channel.send(connection, message)
            connection.settimeout(timeout_s)
            answer = channel.receive(connection)
        except TimeoutError:
            self._discard()
            return self._ended(request_id, "Sandbox.Timedout", f"Task timed out after {timeout_s:.2f} seconds")
        except (channel.ChannelClosed, OSError):
            code = self._discard()
            return self._ended(request_id, "Runtime.ExitError", f"the worker ended with {code} before it answered")
        if "error" in answer:
            return Result(error=answer["error"])
        if len(json.dumps(answer["result"])) > MAX_RESPONSE_BYTES:
            return error("Function.ResponseSizeTooLarge", f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
        return Result(answer["result"])

    def _ended(self, request_id: str, kind: str, message: str) -> Result:
        """The result of a call whose worker is gone, noted where people look for it."""
        if self._closed:
            return SHUTTING_DOWN
        _log.warning("%s: %s %s", self.function.logical_id, request_id, message)
        with suppress(OSError), self.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{request_id} {message}\n")
        return error(kind, message)

    def close(self) -> None:
        with self._state:
            self._closed = True
        self._discard()

    def _started(self) -> Result:
        if self._child is not None and self._child.process.poll() is not None:
            self._discard()  # it died between two calls
        if self._child is not None:
            return Result()
        ours, theirs = socket.socketpair()
        command = [
            *python("scripts.local.worker"),
            *("--handler", self.function.handler, "--channel", str(theirs.fileno())),
        ]
        with self._state, theirs:
            if self._closed:
                ours.close()
                return SHUTTING_DOWN
            with self.log_path.open("ab") as log:
                self._child = Child(command, log=log, env=self.environment, passed=(theirs.fileno(),))
            self._channel = ours
        ours.settimeout(_INIT_TIMEOUT_S)
        try:
            answer = channel.receive(ours)
        except (channel.ChannelClosed, TimeoutError, OSError):
            code = self._discard()
            return error("Runtime.InitError", f"the worker ended with {code} before it was ready")
        if "init_error" in answer:
            self._discard()
            return Result(error=answer["init_error"])
        return Result()

    def _discard(self) -> int | None:
        """End the worker; returns its exit code, negative for a signal."""
        with self._state:
            child, connection = self._child, self._channel
            self._child = self._channel = None
        if child is None:
            return None
        ended = child.process.poll()
        child.kill()
        if connection is not None:
            connection.close()
        return child.process.returncode if ended is None else ended


MakeRunner = Callable[[Function, str, Path], FunctionRunner]
"""Makes a runner of a function, given the endpoint of the local S3 and SQS, and the log of its processes."""


def from_sources(model_dir: Path) -> MakeRunner:
    """Runners of functions as they are in this repository, with the packages of this environment and that model."""

    def make(function: Function, endpoint_url: str, log_path: Path) -> FunctionRunner:
        return ProcessRunner(function, function_environment(function, endpoint_url, model_dir), log_path)

    return make


class RunnerPool:
    """Several runners of one function; a call takes the one that was used last of those that are free."""

    def __init__(self, runners: Sequence[FunctionRunner]) -> None:
        if not runners:
            raise ValueError("a pool has at least one runner")
        self.runners = tuple(runners)
        # Last in, first out: a single caller wakes a single worker.
        self._free: queue.LifoQueue[FunctionRunner] = queue.LifoQueue()
        for runner in reversed(self.runners):
            self._free.put(runner)

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function, when a runner is free."""
        runner = self._free.get()
        try:
            return runner.invoke(event)
        finally:
            self._free.put(runner)

    def close(self) -> None:
        for runner in self.runners:
            runner.close()


# What a process needs to run at all, taken from the supervisor's own environment.
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def aws_environment(endpoint_url: str) -> dict[str, str]:
    """The variables that lead boto3 to the local S3 and SQS, and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        # Neither this machine's profiles nor a cloud's metadata service have a say.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Both ends are on this machine: checksums would only cost time.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }


def function_environment(function: Function, endpoint_url: str, model_dir: Path) -> dict[str, str]:
    """The environment of a function's worker: the template's variables and those that Lambda sets."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= aws_environment(endpoint_url)
    environment |= {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(function.code_dir),
        "_HANDLER": function.handler,
        "TZ": ":UTC",
    }
    environment |= function.environment
    if "MODEL_DIR" in function.environment:
        environment["MODEL_DIR"] = str(model_dir.resolve())  # there is no /opt/model here
    return environment
