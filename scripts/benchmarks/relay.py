"""A relay in front of the local S3 that counts the traffic: the same count for every client."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"(?:^|\r\n\r\n)(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r\n")


@dataclass(slots=True)
class Traffic:
    """Requests by method, listings apart from other GETs, and bytes that were answered, headers included."""

    requests: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def relay(endpoint_url: str) -> Iterator[tuple[str, Traffic]]:
    """Another address of this endpoint, and its traffic so far. Requests with bodies are not supported."""
    traffic = Traffic()
    target = urlsplit(endpoint_url)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(
            target=_accept, args=(server, (target.hostname, target.port), traffic), name="relay", daemon=True
        )
        thread.start()
        yield address, traffic
        server.shutdown(socket.SHUT_RDWR)  # which wakes up accept()
        thread.join()


def _accept(server: socket.socket, target: tuple[str, int], traffic: Traffic) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # closed
        upstream = socket.create_connection(target)
        threading.Thread(target=_upwards, args=(client, upstream, traffic), daemon=True).start()
        threading.Thread(target=_downwards, args=(upstream, client, traffic), daemon=True).start()


def _upwards(client: socket.socket, upstream: socket.socket, traffic: Traffic) -> None:
    with suppress(OSError):  # either end may go away at any time
        head = b""
        while part := client.recv(65536):
            upstream.sendall(part)
            head += part
            # One request at a time: a client waits for its answer before it sends the next.
            if head.endswith(b"\r\n\r\n"):
                with traffic.lock:
                    traffic.requests.update(map(_kind, _REQUEST.finditer(head)))
                head = b""
        upstream.shutdown(socket.SHUT_WR)


def _kind(request: re.Match[bytes]) -> str:
    return "LIST" if b"list-type=" in request[2] else request[1].decode()


def _downwards(upstream: socket.socket, client: socket.socket, traffic: Traffic) -> None:
    with suppress(OSError):
        while part := upstream.recv(65536):
            with traffic.lock:
                traffic.bytes_read += len(part)
            client.sendall(part)
    client.close()
    upstream.close()
