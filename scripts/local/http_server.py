"""A small HTTP/1.1 server: one thread per connection, which stays open from request to request.

It serves a function from ``Request`` to ``Response``. Other servers were slower: on an open connection werkzeug took five
times as long for a request, and cheroot, whose fixed number of threads long polls would use up, twice as long.
"""

import contextlib
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

_IDLE_S: Final = 120
_HUGE: Final = 1 << 40
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``target``: path and query, still percent-encoded."""

    method: str
    target: str
    headers: Message
    body: bytes
    client: str = "127.0.0.1"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; the server adds its length."""

    status: int
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)
    body: bytes = b""


App = Callable[[Request], Response]


def listen(port: int) -> socket.socket:
    """A socket that listens on loopback; port 0 takes a free one. Raises OSError where the port is taken."""
    return socket.create_server(("127.0.0.1", port), backlog=128)


class HttpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves ``app`` on a listening socket until it is closed.

    Bodies longer than ``max_body_bytes`` are not read; ``too_large`` answers their requests. A connection is closed after
    ``idle_s`` without a request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        listener: socket.socket,
        app: App,
        *,
        max_body_bytes: int = _HUGE,
        too_large: App = lambda _: Response(413),
        idle_s: float | None = _IDLE_S,
    ) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.app, self.max_body_bytes, self.too_large, self.idle_s = app, max_body_bytes, too_large, idle_s
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more connections. Threads that answer a request go on."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        # A client may close its connection in the middle of an answer.
        _log.info("a connection ended early", exc_info=True)


class _Refused(Exception):
    """The request's body is not read: it is too large, incomplete, or its end is not known."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer
    protocol_version = "HTTP/1.1"
    # Without these an answer waits for the other side's acknowledgement, 40 ms and more.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.idle_s)

    def _serve(self) -> None:
        try:
            body = self._body()
        except _Refused as refusal:
            self._answer(refusal.response)
            self.close_connection = True
            return
        request = self._request(body)
        try:
            response = self.server.app(request)
        except Exception:  # noqa: BLE001 - the last resort: the client gets an answer and the log the trace
            _log.exception("%s %s failed", self.command, self.path)
            response = _text(500, "Internal Server Error")
        self._answer(response)

    def _request(self, body: bytes) -> Request:
        # The base class shortens slashes at the start of its path, and there they lead elsewhere.
        return Request(self.command, self.requestline.split()[1], self.headers, body, self.client_address[0])

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names
    do_PATCH = do_OPTIONS = do_TRACE = _serve  # noqa: N815

    def handle(self) -> None:
        # A client may close a kept connection at any time.
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def handle_expect_100(self) -> bool:
        # The answer to "Expect: 100-continue" must leave now: the client waits for it before it sends the body.
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _body(self) -> bytes:
        """The request's body, decoded. Raises _Refused."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked_body()
        text = self.headers.get("Content-Length", "0").strip()
        if not (text.isascii() and text.isdigit()):
            raise _Refused(_text(400, "The Content-Length is not a number."))
        if int(text) > self.server.max_body_bytes:
            raise _Refused(self.server.too_large(self._request(b"")))
        return self._read(int(text))

    def _read(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:  # the client is gone, and what it sent must not be taken for all that it meant to send
            raise _Refused(_text(400, "The body is shorter than announced."))
        return data

    def _chunked_body(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(1024).partition(b";")[0], 16)
            except ValueError as error:
                raise _Refused(_text(400, "A chunk of the body has no length.")) from error
            if size < 0 or len(body) + size > self.server.max_body_bytes:
                raise _Refused(self.server.too_large(self._request(b"")))
            if size == 0:
                break
            body += self._read(size)
            self.rfile.readline(3)
        while (trailer := self.rfile.readline(65536)).strip():
            pass
        if not trailer:
            raise _Refused(_text(400, "The body ends before its last line."))
        return bytes(body)

    def _answer(self, response: Response) -> None:
        self.send_response_only(response.status)
        names = set()
        for name, value in response.headers:
            names.add(name.lower())
            self.send_header(name, value)
        if "date" not in names:
            self.send_header("Date", self.date_time_string())
        bodiless = response.status in (204, 304) or response.status < 200
        # The answer to HEAD may announce the length of a body that it does not have.
        if "content-length" not in names and not bodiless:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and not bodiless:
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Write no line per request: it would cost more time than it is worth."""


def _text(status: int, text: str) -> Response:
    return Response(status, (("Content-Type", "text/plain"),), text.encode())
