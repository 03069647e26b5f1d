"""One function from its sources, in a process of its own: a small client of Lambda's Runtime API.

    python -m scripts.local.worker --lifeline FD

AWS's own client (awslambdaric) needs a compiler where it is installed, which ``make demo`` must not ask for. As on Lambda, the
environment names the handler, its folder and the address of the Runtime API. Output goes to the function's log.
"""

import argparse
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
from typing import Any, Final

_ROOT: Final = "/2018-06-01/runtime"


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


def _reported(error: Exception, kind: str | None = None) -> bytes:
    """An exception in the form that Lambda reports; its traceback goes to the log."""
    traceback.print_exception(error)
    stack_trace = traceback.format_tb(error.__traceback__)
    report = {"errorMessage": str(error), "errorType": kind or type(error).__name__, "stackTrace": stack_trace}
    return json.dumps(report).encode()


def _call(handler: Callable[[Any, Context], Any], event: bytes, context: Context) -> tuple[str, bytes]:
    """How to settle one event: ``response`` or ``error``, and the body of it."""
    try:
        value = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - the caller gets every exception of the handler
        return "error", _reported(error)
    try:
        return "response", json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        return "error", _reported(error, "Runtime.MarshalError")


def _serve() -> None:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def post(path: str, body: bytes) -> None:
        sys.stdout.flush()  # the log has the lines of this call before those of the supervisor about its end
        api.request("POST", f"{_ROOT}/{path}", body)
        response = api.getresponse()
        response.read()
        if response.status != http.client.ACCEPTED:
            sys.exit(1)

    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except Exception as error:  # noqa: BLE001 - the caller gets every exception of the import
        is_missing = isinstance(error, ImportError)
        post("init/error", _reported(error, "Runtime.ImportModuleError" if is_missing else None))
        sys.exit(1)
    while True:
        api.request("GET", f"{_ROOT}/invocation/next")
        response = api.getresponse()
        event = response.read()
        if response.status != http.client.OK:
            return
        context = Context(response.headers)
        kind, body = _call(handler, event, context)
        post(f"invocation/{context.aws_request_id}/{kind}", body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifeline", type=int, required=True, help="file descriptor that ends with the supervisor")
    arguments = parser.parse_args()

    from scripts.local.lifeline import end_with_parent

    threading.Thread(target=end_with_parent, args=(arguments.lifeline,), daemon=True).start()
    # From here on imports see the function's folder and the installed packages, and not this repository's root.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    os.chdir(os.environ["LAMBDA_TASK_ROOT"])
    _serve()


if __name__ == "__main__":
    main()
