"""`scripts/catalogue.py` as a person runs it: against the local stack, interrupted, and with pictures from a web server."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts import catalogue
from scripts.common.bucket import StoredObject
from scripts.common.uploads import NotObtained
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, Request, Response, listen
from scripts.local.resources import client
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from scripts.merchant import downloads
from scripts.merchant.downloads import Downloader
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
Capture = pytest.CaptureFixture[str]


def picture(colour: str, kind: str = "JPEG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 60), colour).save(file, kind)
    return file.getvalue()


def settings(endpoint_url: str, bucket: str, store_bucket: str = "store") -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "CATALOGUE_BUCKET": bucket,
        "STORE_BUCKET": store_bucket,
    }


# --- the whole stack --------------------------------------------------------------------------------------------------


def wait_for(ask: Callable[[], Any], timeout_s: float = 40) -> Any:
    """The first true answer."""
    until = time.monotonic() + timeout_s
    while not (found := ask()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)
    return found


def test_a_catalogue_from_the_first_photo_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    photos = tmp_path / "photos"
    (photos / "00580").mkdir(parents=True)
    (photos / "1563.jpg").write_bytes(picture("red"))
    (photos / "00580" / "front.png").write_bytes(picture("blue", "PNG"))
    (photos / "bad.jpg").write_bytes(b"no photo")
    labels = photos / "styles.csv"
    labels.write_text("id;name;price\n1563;Grüne Jacke;10,50\n580;Hat;8\n", encoding="utf-8")
    model = write_tiny_model(tmp_path / "model", output={"l2_normalise": True})
    with LocalStack(launcher=from_sources(model), log_dir=tmp_path / "logs", window_s=1) as stack:
        buckets = (stack.catalogue_bucket, stack.template.outputs["StoreBucketName"])
        for name, value in settings(stack.endpoint_url, *buckets).items():
            monkeypatch.setenv(name, value)

        def run(*words: str | Path) -> str:
            capsys.readouterr()
            assert catalogue.main([str(word) for word in words]) == 0
            return capsys.readouterr().out

        def status() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(run("status", "--json"))
            return found

        def attributes(product: str) -> dict[str, Any]:
            lines = run("export", tmp_path / "x.npz", "--force") and _products(tmp_path / "x.npz")
            return lines[product]

        run("upload", photos)
        settled = wait_for(lambda: (found := status())["store"]["searchable"] == 2 and found["data_files"] and found)
        assert (settled["photos"], settled["store"]["rejected"]) == ({"in_bucket": 3, "pending": 0}, 1)
        assert attributes("00580") == {"name": "Hat", "price": 8.0}  # the id of the photos
        assert "bad.jpg: The file is not a photo" in run("rejected")

        before = settled["store"]["snapshot"]
        labels.write_text("id;name;price\n1563;Grüne Jacke;9\n580;Hat;8\n", encoding="utf-8")
        assert "0 new photos sent, 0 replaced, 3 skipped" in run("upload", photos)
        stack.s3.put_object(Bucket=buckets[0], Key="products/bad.csv", Body=b"PK\3\4")
        wait_for(lambda: attributes("1563")["price"] == 9 and "bad.csv: " in run("rejected"))
        assert status()["store"]["snapshot"] == before  # no photo was embedded again
        changed = status()["data_files"][0]["time_ms"]
        assert "1 rejected object and 0 dead letters went" in run("retry", "products/bad.csv")
        wait_for(lambda: status()["data_files"][0]["time_ms"] > changed)

        run("delete", "1563", "--yes")
        run("data", "--delete", "bad.csv", "--delete", "styles.csv")
        wait_for(lambda: (found := status())["store"]["searchable"] == 1 and not found["data_files"])


def _products(path: Path) -> dict[str, dict[str, Any]]:
    import numpy as np

    with np.load(path) as archive:
        lines = map(json.loads, archive["products"].tobytes().decode().splitlines())
        return {line.pop("product_id"): line for line in lines}


# --- interrupted ------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_s3() -> Iterator[Any]:
    """A client of a local S3 that takes a moment for each request."""

    def slowly(request: Request) -> Response:
        time.sleep(0.01)
        return answer(request)

    server = HttpServer(listen(0), slowly)
    server.start()
    s3 = client("s3", f"http://127.0.0.1:{server.port}")
    yield s3
    s3.close()
    server.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_upload_that_is_stopped_is_finished_by_the_same_command(
    tmp_path: Path, slow_s3: Any, number: signal.Signals
) -> None:
    bucket = f"stopped-{number.name.lower()}"
    slow_s3.create_bucket(Bucket=bucket)
    (tmp_path / "photos").mkdir()
    photos = {f"images/{count}.jpg": f"photo {count}".encode() for count in range(150)}
    for key, data in photos.items():
        (tmp_path / "photos" / key.removeprefix("images/")).write_bytes(data)

    def listed() -> dict[str, tuple[str, Any]]:
        pages = slow_s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        found = [item for page in pages for item in page.get("Contents", ())]
        return {item["Key"]: (item["ETag"].strip('"'), item["LastModified"]) for item in found}

    words = [sys.executable, "-m", "scripts.catalogue", "upload", str(tmp_path / "photos"), "--threads", "2"]
    environment = os.environ | settings(slow_s3.meta.endpoint_url, bucket)
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell in the background ignores it
    )  # fmt: skip
    wait_for(lambda: len(listed()) > 20)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    before = listed()
    assert 20 < len(before) < 150
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert " of 150 photos. The same command again" in told
        assert "Traceback" not in told
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{150 - len(before)} new photos sent, 0 replaced, {len(before)} skipped" in done.stdout
    after = listed()
    assert {key: etag for key, (etag, _) in after.items()} == {
        key: hashlib.md5(data, usedforsecurity=False).hexdigest() for key, data in photos.items()
    }
    assert {key: after[key] for key in before} == before  # nothing was sent twice


# --- pictures on the web ----------------------------------------------------------------------------------------------


@dataclass
class Web:
    """A web server. ``pages``: (status, headers, body) by path; a list is answered one after the other, the last for ever."""

    url: str = ""
    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(f"{method} {path}")
        page = self.pages.get(path, (404, {}, b""))
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        status, headers, body = page
        return status, headers, body


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = web.answer(self.command, self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    web.url = f"http://127.0.0.1:{server.server_port}"
    yield web
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving(Web()) as found:
        yield found


@pytest.fixture
def downloader() -> Iterator[Downloader]:
    pauses: list[float] = []
    found = Downloader(allow_private=True, max_bytes=5000, sleep=pauses.append)
    found.pauses = pauses  # type: ignore[attr-defined]
    yield found
    found.close()


RED = picture("red")


def test_a_picture_is_loaded_whatever_the_host_calls_it(web: Web, downloader: Downloader) -> None:
    web.pages["/a"] = (200, {"Content-Type": "application/octet-stream"}, RED)
    web.pages["/moved"] = (302, {"Location": "/more/../a"}, b"")
    web.pages["/png"] = (200, {"Content-Type": "image/jpeg"}, picture("red", "PNG"))
    assert downloader.photo(f"{web.url}/a") == (RED, "image/jpeg")
    assert downloader.photo(f"{web.url}/moved") == (RED, "image/jpeg")
    assert downloader.photo(f"{web.url}/png")[1] == "image/png"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ((404, {}, b"gone"), "answers 404"),
        ((200, {"Content-Type": "text/html"}, b"<html>not here"), r"no photo \(text/html\)"),
        ((200, {}, b""), "no photo"),
        ((200, {}, RED + bytes(5000)), "more than 5,000 bytes"),
        ((302, {"Location": "/x"}, b""), "redirects more than 5 times"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "file:///etc/passwd, which is no address of the web"),
        ((302, {"Location": "ftp://x/1.jpg"}, b""), "no address of the web"),
    ],
)
def test_what_cannot_be_had_says_why_at_once(web: Web, downloader: Downloader, page: Any, reason: str) -> None:
    web.pages["/x"] = page
    with pytest.raises(NotObtained, match=reason):
        downloader.photo(f"{web.url}/x")
    assert downloader.pauses == []  # type: ignore[attr-defined]


def test_a_body_that_is_longer_than_said_is_not_read_to_its_end(web: Web, downloader: Downloader) -> None:
    web.pages["/x"] = (200, {"Content-Length": "100000", "Connection": "close"}, RED)
    with pytest.raises(NotObtained, match="more than 5,000 bytes"):
        downloader.photo(f"{web.url}/x")


def test_a_host_that_is_busy_is_asked_again_when_it_says(web: Web, downloader: Downloader) -> None:
    web.pages["/x"] = [(429, {"Retry-After": "7"}, b""), (503, {}, b""), (200, {}, RED)]
    assert downloader.photo(f"{web.url}/x")[0] == RED
    assert downloader.pauses == [7, 2]  # type: ignore[attr-defined]
    web.pages["/y"] = (503, {"Retry-After": "100000"}, b"")
    with pytest.raises(NotObtained, match="answers 503"):
        downloader.photo(f"{web.url}/y")
    assert downloader.pauses[2:] == [60, 60, 60]  # type: ignore[attr-defined]


def test_a_host_that_never_answers_is_given_up(downloader: Downloader) -> None:
    with listen(0) as closed:
        port = closed.getsockname()[1]
    for count in range(12):
        with pytest.raises(NotObtained, match="refused" if count < 8 else "given up"):
            downloader.photo(f"http://127.0.0.1:{port}/{count}.jpg")


@pytest.mark.parametrize("path", ["/a", "/moved"])
def test_private_addresses_are_refused_unless_they_are_wanted(web: Web, path: str) -> None:
    web.pages |= {"/a": (200, {}, RED), "/moved": (302, {"Location": "/a"}, b"")}
    found = Downloader(sleep=lambda _: None)
    with pytest.raises(NotObtained, match="private network"):
        found.photo(web.url + path)
    assert not found.has_same(web.url + path, StoredObject("b", "k", "e", len(RED), 1))
    found.close()
    assert web.asked == []


def stored(data: bytes, *, etag: str = "other", modified_ms: int = 1_772_446_530_000) -> StoredObject:
    return StoredObject("b", "images/1/a.jpg", etag, len(data), modified_ms)


def test_a_host_that_says_so_spares_the_download(web: Web, downloader: Downloader) -> None:
    md5 = hashlib.md5(RED, usedforsecurity=False).hexdigest()
    web.pages["/etag"] = (200, {"ETag": f'"{md5}"'}, RED)
    assert downloader.has_same(f"{web.url}/etag", stored(RED, etag=md5))
    assert not downloader.has_same(f"{web.url}/etag", stored(RED))
    older, newer = (formatdate(1_772_446_530 + by, usegmt=True) for by in (-60, 60))
    web.pages["/older"] = (200, {"Last-Modified": older, "ETag": '"abc"'}, RED)
    web.pages["/newer"] = (200, {"Last-Modified": newer}, RED)
    assert downloader.has_same(f"{web.url}/older", stored(RED))
    assert not downloader.has_same(f"{web.url}/older", stored(RED + b"x"))
    assert not downloader.has_same(f"{web.url}/newer", stored(RED))
    assert not downloader.has_same(f"{web.url}/none", stored(RED))
    assert all(asked.startswith("HEAD") for asked in web.asked)


def test_an_export_with_addresses_is_uploaded_and_failures_are_named_by_line(
    tmp_path: Path, web: Web, slow_s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    slow_s3.create_bucket(Bucket="linked")
    for name, value in settings(slow_s3.meta.endpoint_url, "linked").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(downloads, "_ATTEMPTS", 1)
    web.pages |= {
        "/1.jpg": (200, {}, RED),
        "/2.png": (200, {}, picture("blue", "PNG")),
        "/html.jpg": (200, {}, b"<html>"),
    }
    path = tmp_path / "feed.csv"
    path.write_text(
        f'id,title,image_link,additional_image_link\n1,Shirt,{web.url}/1.jpg,"{web.url}/2.png,{web.url}/none.jpg"\n'
        f"2,Hat,{web.url}/html.jpg,\n",
        encoding="utf-8",
    )
    words = ["upload", str(path), "--private-addresses"]
    assert catalogue.main([*words, "--failures", str(tmp_path / "failed.csv")]) == 2
    told = capsys.readouterr()
    assert "4 pictures of 2 products." in told.out
    assert f"feed.csv, line 2: {web.url}/none.jpg: the host answers 404" in told.err
    assert f"feed.csv, line 3: {web.url}/html.jpg: the address gives no photo" in told.err
    assert len((tmp_path / "failed.csv").read_text().splitlines()) == 3

    def listed() -> dict[str, Any]:
        return {item["Key"]: item["LastModified"] for item in slow_s3.list_objects_v2(Bucket="linked")["Contents"]}

    before = listed()
    assert list(before) == ["images/1/1.jpg", "images/1/2.png", "products/feed.csv"]
    assert slow_s3.head_object(Bucket="linked", Key="images/1/2.png")["ContentType"] == "image/png"
    path.write_text(f"id,title,image_link\n1,Shirt,{web.url}/1.jpg\n", encoding="utf-8")
    assert catalogue.main([*words, "--delete-missing", "--yes"]) == 0
    assert "0 new photos sent, 0 replaced, 1 skipped" in capsys.readouterr().out
    after = listed()
    assert list(after) == ["images/1/1.jpg", "products/feed.csv"]
    assert after["images/1/1.jpg"] == before["images/1/1.jpg"]


def test_nothing_is_deleted_where_a_part_of_the_source_failed(
    tmp_path: Path, web: Web, slow_s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    slow_s3.create_bucket(Bucket="kept")
    slow_s3.put_object(Bucket="kept", Key="images/old.jpg", Body=RED)
    for name, value in settings(slow_s3.meta.endpoint_url, "kept").items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "feed.csv"
    path.write_text(f"id,image_link\n1,{web.url}/none.jpg\n", encoding="utf-8")
    assert catalogue.main(["upload", str(path), "--private-addresses", "--delete-missing", "--yes"]) == 2
    assert "Photos that the source lacks: 1, kept" in capsys.readouterr().out
    assert slow_s3.head_object(Bucket="kept", Key="images/old.jpg")
