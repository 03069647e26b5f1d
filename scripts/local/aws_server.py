"""S3 and SQS on loopback, by moto, in a process of its own.

moto's own server asks every installed service whether it knows a request, goes through Flask, closes the connection
after each answer and lets two conditional writes of one name both win. This one calls moto's S3 and SQS directly, keeps
connections open, and serves one S3 request at a time, so that readers see a write as a whole or not at all.
"""

import argparse
import logging
import os
import socket
import threading
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.request import Request as MotoRequest
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response
from moto.sqs.responses import SQSResponse

from scripts.local import sqs
from scripts.local.http_server import HttpServer, Request, Response
from scripts.local.intrinsics import ACCOUNT, REGION
from scripts.local.lifeline import end_with_parent

# From a file, where moto would put more than 5 MB, it reads the whole object for every range of it.
_LARGEST_IN_MEMORY: Final = 1024**3
_one_at_a_time: Final = threading.Lock()


def _uncopied(key: FakeKey) -> bytes:
    """All bytes of an object. For each range of it moto copies them, which takes a quarter of a second for 300 MB."""
    with key.lock:
        key._value_buffer.seek(0)
        # read() copies the buffer each time; getvalue() cuts it to its size once and shares it from then on.
        file = key._value_buffer._file
        value: bytes = file.getvalue() if isinstance(file, BytesIO) else file.read()
        return value


class _ServedRequest(MotoRequest):
    from_wsgi_server = True  # the server adds the date


def answer(request: Request) -> Response:
    """Answer one S3 or SQS request."""
    incoming = _moto_request(request)
    url = incoming.raw_url
    headers = dict(request.headers.items())
    if _is_sqs(request):
        result = SQSResponse.dispatch(incoming, url, headers)  # waits for messages: not under the lock
    else:
        call = S3Response.key_dispatch if _names_an_object(request.path) else S3Response.bucket_dispatch
        with _one_at_a_time:
            result = call(incoming, url, headers)
    status, answer_headers, body = result if isinstance(result, tuple) else (200, {}, result)
    return Response(
        int(status),
        [(name, str(value)) for name, value in answer_headers.items() if name.lower() != "status"],
        body.encode() if isinstance(body, str) else body,
    )


def _is_sqs(request: Request) -> bool:
    return request.headers.get("X-Amz-Target", "").startswith(
        "AmazonSQS"
    ) or "/sqs/aws4_request" in request.headers.get("Authorization", "")


def _names_an_object(path: str) -> bool:
    """``/bucket/key`` does, ``/bucket`` and ``/bucket/`` do not."""
    return bool(path.lstrip("/").partition("/")[2])


def _moto_request(request: Request) -> MotoRequest:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
    }
    preserved = {}
    for name, value in request.headers.items():
        key = environ_key_for_header(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
        if should_preserve_original_header_name(name):
            preserved[key] = name
    environ["CONTENT_LENGTH"] = str(len(request.body))
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return _ServedRequest(environ)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listener", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--lifeline", type=int, required=True, help="file descriptor that ends with the parent")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(_LARGEST_IN_MEMORY)
    FakeKey.value = vars(FakeKey)["value"].getter(_uncopied)  # type: ignore[method-assign]
    sqs.install(ACCOUNT, REGION)
    HttpServer(socket.socket(fileno=arguments.listener), answer).start()
    end_with_parent(arguments.lifeline)


if __name__ == "__main__":
    main()
