"""The local stack runs whatever a template describes: here a small one, with functions of a few lines."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.local.execution_environment import Launcher
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack, PortTakenError
from tests.support.isolation import isolation_or_skip
from tests.support.small_template import write_small_stack

# Notes every photo when it is done; a photo named poison fails.
EATER = """
import json, os, time
from pathlib import Path
from urllib.parse import unquote_plus

NOTES = Path(__file__).with_name("notes")
SLOW = Path(__file__).with_name("slow")

def handler(event, context):
    failed = []
    for record in event["Records"]:
        for item in json.loads(record["body"]).get("Records", ()):
            key = unquote_plus(item["s3"]["object"]["key"])
            if SLOW.exists():
                NOTES.with_name("started").write_text(str(os.getpid()))
                time.sleep(60)
            if "poison" in key:
                failed.append({"itemIdentifier": record["messageId"]})
                continue
            with NOTES.open("a") as notes:
                notes.write(f"{key} {len(event['Records'])}\\n")
    return {"batchItemFailures": failed}
"""
TELLER = """
import os, time

def handler(event, context):
    if event["rawPath"].endswith("/slow"):
        time.sleep(60)
    if event["rawPath"].endswith("/dead"):
        os._exit(3)
    return {"route": event["routeKey"], "through": event["headers"].get("x-came-through"), "pid": os.getpid()}
"""
TICKER = """
from pathlib import Path

def handler(event, context):
    with Path(__file__).with_name("ticks").open("a") as ticks:
        ticks.write(event["detail-type"] + "\\n")
"""


@contextmanager
def small_stack(folder: Path, launcher: Launcher | None = None, **options: Any) -> Iterator[LocalStack]:
    template = write_small_stack(folder, functions={"eater": EATER, "teller": TELLER, "ticker": TICKER})
    launcher = launcher or from_sources(folder)
    with LocalStack(
        launcher=launcher, template=template, site_dir=folder / "site", log_dir=folder / "log", **options
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(stack) -> Path:
    """Where the stack's functions are."""
    return stack.template.functions["Eater"].code_dir.parent


@pytest.fixture(scope="module", params=["from sources", "isolated"])
def stack(request, tmp_path_factory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("small")
    if request.param == "from sources":
        with small_stack(folder) as stack:
            yield stack
    else:
        with isolation_or_skip() as isolation, small_stack(folder, isolation.launch) as stack:
            yield stack


def wait_for[T](ask: Callable[[], T], timeout_s: float = 20) -> T:
    """The first true answer."""
    until = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
    return answer


def eaten(folder: Path) -> dict[str, int]:
    """The photos that were noted, with the number of messages in their batch."""
    notes = folder / "eater" / "notes"
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return {key: int(size) for key, size in (line.rsplit(" ", 1) for line in lines)}


def get(stack: LocalStack, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, dict, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.url.rpartition(":")[2]), timeout=30)
    try:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def put(stack: LocalStack, *names: str) -> None:
    for name in names:
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=name, Body=b"photo")


def waiting(stack: LocalStack, queue: str) -> int:
    url = next(url for url in stack.queue_urls.values() if url.endswith(queue))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_photos_below_the_prefix_reach_the_function_in_batches(stack, folder):
    names = [f"images/batch é+{i}.jpg" for i in range(30)]
    put(stack, "elsewhere/1.jpg", *names)
    found = wait_for(lambda: eaten(folder).keys() >= set(names) and eaten(folder))
    assert "elsewhere/1.jpg" not in found
    assert 1 < max(found.values()) <= 20
    wait_for(lambda: waiting(stack, "events") == 0)


def test_a_message_that_keeps_failing_ends_in_the_dead_letter_queue(stack, folder):
    put(stack, "images/poison.jpg", "images/beside.jpg")
    wait_for(lambda: "images/beside.jpg" in eaten(folder))
    wait_for(lambda: waiting(stack, "lost") == 1)
    assert "images/poison.jpg" not in eaten(folder)
    assert "dead-letter" in stack.problem()


def test_a_batch_whose_worker_is_killed_is_delivered_again(stack, folder):
    (folder / "eater" / "slow").touch()
    names = [f"images/killed {i}.jpg" for i in range(12)]
    put(stack, *names)
    started = folder / "eater" / "started"
    wait_for(lambda: started.exists() and started.read_text(encoding="utf-8"))
    victims = stack.processes()["Eater"]
    assert victims
    (folder / "eater" / "slow").unlink()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: eaten(folder).keys() >= set(names))
    assert waiting(stack, "lost") <= 1  # nothing of this batch


def test_requests_reach_the_function_behind_the_route(stack):
    status, _, body = get(stack, "/api/one/x")
    assert (status, json.loads(body)["route"]) == (200, "GET /api/one/{name}")
    assert json.loads(body)["through"] == "1"
    assert json.loads(get(stack, "/api/x/y", "POST", b"1")[2])["route"] == "POST /api/{first}/{second}"


def test_a_function_that_dies_or_takes_too_long_is_a_server_error(stack):
    for path in ("/api/dead", "/api/slow"):
        status, _, body = get(stack, path)
        assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    assert get(stack, "/api/one/x")[0] == 200


def test_a_body_beyond_the_apis_limit_is_refused_unread(stack):
    with socket.create_connection(("127.0.0.1", int(stack.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_the_page_and_the_photos_are_at_the_same_address(stack):
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="images/a b.png", Body=b"png", ContentType="image/png")
    status, headers, body = get(stack, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["content-security-policy"] == "default-src 'self'"
    assert "strict-transport-security" not in headers
    assert b"Small" in body
    status, headers, body = get(stack, "/images/a%20b.png")
    assert (status, headers["content-type"], body) == (200, "image/png", b"png")
    assert get(stack, "/images/nothing.png")[0] == 404


def test_connections_are_kept_open(stack):
    connection = http.client.HTTPConnection("127.0.0.1", int(stack.url.rpartition(":")[2]), timeout=10)
    local = set()
    for _ in range(3):
        connection.request("GET", "/")
        connection.getresponse().read()
        local.add(connection.sock.getsockname())
    connection.close()
    assert len(local) == 1


def test_a_schedule_calls_its_function_again_and_again(folder, stack):
    ticks = folder / "ticker" / "ticks"
    wait_for(lambda: ticks.exists() and len(ticks.read_text(encoding="utf-8").splitlines()) >= 2)
    assert set(ticks.read_text(encoding="utf-8").splitlines()) == {"Scheduled Event"}


def test_of_many_conditional_writes_of_one_name_one_wins(stack):
    from concurrent.futures import ThreadPoolExecutor

    from botocore.exceptions import ClientError

    def write(place: tuple[int, int]) -> bool:
        name, writer = place
        try:
            stack.s3.put_object(
                Bucket=stack.catalogue_bucket, Key=f"races/{name}", Body=b"%d" % writer, IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return False
        return True

    places = [(name, writer) for name in range(20) for writer in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, places)) == 20


def test_everything_listens_on_loopback_only(stack):
    ports = {int(url.rpartition(":")[2]) for url in (stack.url, stack.endpoint_url)}
    listening = {
        line.split()[1].split(":")[0]
        for path in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(path).exists()
        for line in Path(path).read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) in ports
    }
    assert listening <= {"0100007F"}


def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} is taken"), small_stack(tmp_path, s3_port=port):
            pass
    assert not (tmp_path / "log").exists()


def test_leaving_ends_every_process(tmp_path):
    with small_stack(tmp_path) as stack:
        get(stack, "/api/one/x")
        pids = [pid for group in stack.processes().values() for pid in group]
        assert len(pids) >= 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(ConnectionRefusedError):
        get(stack, "/")
