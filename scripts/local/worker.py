"""One Lambda function in a process of its own: imports the handler and calls it, one event at a time.

The environment is the one that the supervisor gives: the template's variables and what Lambda itself sets. What the
handler prints goes to the function's log, together with the lines that Lambda writes about each call.
"""

import argparse
import importlib
import json
import os
import socket
import sys
import threading
import time
import traceback
from typing import Any


class Context:
    """What a handler is told about its call: the attributes of Lambda's context object."""

    def __init__(self, request_id: str, arn: str, deadline_s: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        self._deadline_s = deadline_s

    def get_remaining_time_in_millis(self) -> int:
        return max(int((self._deadline_s - time.time()) * 1000), 0)


def failure(error: BaseException) -> dict[str, Any]:
    """An exception as Lambda reports it."""
    traceback.print_exception(error)
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def call(handler: Any, request: dict[str, Any]) -> bytes:
    """Call the handler with a request's event: the answer to send back, as JSON."""
    request_id = request["request_id"]
    started = time.perf_counter()
    print(f"START RequestId: {request_id}")
    try:
        result = handler(request["event"], Context(request_id, request["arn"], request["deadline_s"]))
        answer = json.dumps({"result": result}).encode()
    except Exception as error:  # noqa: BLE001 - whatever the handler raises is the caller's answer
        answer = json.dumps({"error": failure(error)}).encode()
    duration_ms = (time.perf_counter() - started) * 1000
    print(f"END RequestId: {request_id}")
    print(f"REPORT RequestId: {request_id} Duration: {duration_ms:.2f} ms", flush=True)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channel", type=int, required=True, help="file descriptor of the channel to the supervisor")
    parser.add_argument("--lifeline", type=int, required=True, help="file descriptor that ends with the supervisor")
    parser.add_argument("--handler", required=True, help="module.function")
    arguments = parser.parse_args()

    from scripts.local.channel import ChannelClosed, receive, send
    from scripts.local.lifeline import end_with_parent

    threading.Thread(target=end_with_parent, args=(arguments.lifeline,), daemon=True).start()
    channel = socket.socket(fileno=arguments.channel)
    # From here on only what the function brings is found, as in Lambda.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    os.chdir(os.environ["LAMBDA_TASK_ROOT"])
    module_name, _, function_name = arguments.handler.rpartition(".")
    try:
        handler = getattr(importlib.import_module(module_name.replace("/", ".")), function_name)
    except Exception as error:  # noqa: BLE001 - told to the supervisor, which tells every caller
        send(channel, json.dumps({"init_error": failure(error)}).encode())
        sys.exit(1)
    send(channel, b'{"ready": true}')
    try:
        while True:
            send(channel, call(handler, receive(channel)))
    except ChannelClosed:
        return


if __name__ == "__main__":
    main()
