"""One function from its sources, in a process of its own: a small client of Lambda's Runtime API.

    python -m scripts.local.worker --lifeline FD

AWS's own client (awslambdaric) needs a compiler where it is installed, which ``make demo`` must not ask for. As on Lambda, the
environment names the handler, its folder and the address of the Runtime API. Output goes to the function's log.
"""

import http.client
import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from email.message import Message
from typing import Any

from scripts.local.lifeline import end_with_parent


class Context:
    """Lambda's context object: the attributes of one call."""

    def __init__(self, headers: Message) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(self._deadline_ms - int(time.time() * 1000), 0)


def _report(error: Exception, kind: str | None = None) -> bytes:
    """An exception in the form that Lambda reports; its traceback goes to the log."""
    traceback.print_exception(error)
    stack_trace = traceback.format_tb(error.__traceback__)
    report = {"errorMessage": str(error), "errorType": kind or type(error).__name__, "stackTrace": stack_trace}
    return json.dumps(report).encode()


def _call(handler: Callable[[Any, Context], Any], event: bytes, context: Context) -> tuple[str, bytes]:
    """Call the handler: ``response`` or ``error``, and the body to post there."""
    try:
        value = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - the caller gets every exception of the handler
        return "error", _report(error)
    try:
        return "response", json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        return "error", _report(error, "Runtime.MarshalError")


class _RuntimeApi:
    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[Message, bytes]:
        """The headers and the body of an answer. An answer that is no success ends the process."""
        sys.stdout.flush()  # the output of a call is in the log before the supervisor notes its end
        self._connection.request(method, f"/2018-06-01/runtime/{path}", body)
        response = self._connection.getresponse()
        answer = response.read()
        if not http.HTTPStatus(response.status).is_success:
            sys.exit(1)
        return response.headers, answer


def main() -> None:
    lifeline = int(sys.argv[-1])
    threading.Thread(target=end_with_parent, args=(lifeline,), daemon=True).start()
    # From here on imports see the function's folder and the installed packages, and not this repository's root.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    os.chdir(os.environ["LAMBDA_TASK_ROOT"])
    api = _RuntimeApi()
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except Exception as error:  # noqa: BLE001 - the caller gets every exception of the import
        kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else None
        api.request("POST", "init/error", _report(error, kind))
        sys.exit(1)
    while True:
        headers, event = api.request("GET", "invocation/next")
        context = Context(headers)
        kind, body = _call(handler, event, context)
        api.request("POST", f"invocation/{context.aws_request_id}/{kind}", body)


if __name__ == "__main__":
    main()
