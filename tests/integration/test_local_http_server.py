"""The HTTP server under the gateway and under the local S3."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from scripts.local.http_server import HttpServer, Request, Response, listen


def answer(request: Request) -> Response:
    match request.path:
        case "/fail":
            raise KeyError("a secret")
        case "/unchanged":
            return Response(304, (("ETag", '"x"'),))
        case "/length":
            return Response(200, (("Content-Length", "5"),), b"" if request.method == "HEAD" else b"12345")
    text = f"{request.method} {request.target} {request.headers.get('X-One')} {len(request.body)}"
    return Response(200, (("Content-Type", "text/plain"),), text.encode())


def too_large(request: Request) -> Response:
    return Response(413, (), f"no, {request.target}".encode())


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HttpServer(listen(0), answer, max_body_bytes=1000, too_large=too_large)
    server.start()
    yield server.port
    server.close()


@pytest.fixture
def raw(port) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


@pytest.fixture
def client(port) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection, *arguments, **options) -> tuple[int, str]:
    client.request(*arguments, **options)
    response = client.getresponse()
    return response.status, response.read().decode()


def test_requests_of_one_connection_are_answered_in_turn(client):
    assert ask(client, "GET", "/a%20b?c=d", headers={"X-One": "1"}) == (200, "GET /a%20b?c=d 1 0")
    assert ask(client, "PUT", "/", body=b"12345") == (200, "PUT / None 5")
    assert ask(client, "DELETE", "/x") == (200, "DELETE /x None 0")
    assert ask(client, "TRACE", "//x//y/") == (200, "TRACE //x//y/ None 0")


def test_a_chunked_body_is_put_together(client):
    assert ask(client, "POST", "/", body=iter([b"123", b"", b"45"]), encode_chunked=True,
               headers={"Transfer-Encoding": "chunked"}) == (200, "POST / None 5")  # fmt: skip
    assert ask(client, "GET", "/next")[1] == "GET /next None 0"


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
    ],
)
def test_a_body_that_is_too_large_is_refused_unread(raw, head):
    raw.sendall(head)
    said = b"".join(iter(lambda: raw.recv(4096), b""))
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b"\r\n\r\nno, /")


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_body_of_no_certain_length_is_a_bad_request(raw, head):
    raw.sendall(head)
    assert b"".join(iter(lambda: raw.recv(4096), b"")).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n12345",
        b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1234",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
    ],
)
def test_a_body_shorter_than_announced_is_refused(raw, sent):
    """And never reaches the application, which would store it."""
    raw.sendall(sent)
    raw.shutdown(socket.SHUT_WR)
    assert b"".join(iter(lambda: raw.recv(4096), b"")).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_asks_before_it_sends_is_answered_at_once(raw):
    raw.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert raw.recv(4096).startswith(b"HTTP/1.1 100 ")
    raw.sendall(b"123")
    assert raw.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_failure_is_an_answer_without_details_and_the_connection_goes_on(client, caplog):
    assert ask(client, "GET", "/fail") == (500, "Internal Server Error")
    assert "a secret" in caplog.text
    assert ask(client, "GET", "/next")[0] == 200


def test_answers_without_a_body_do_not_upset_what_follows(client):
    assert ask(client, "GET", "/unchanged") == (304, "")
    assert ask(client, "HEAD", "/") == (200, "")
    client.request("HEAD", "/length")
    response = client.getresponse()
    assert (response.headers["Content-Length"], response.read()) == ("5", b"")
    assert ask(client, "GET", "/length") == (200, "12345")
