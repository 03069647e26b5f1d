"""The real template and the real functions on this machine, with a model of a few nodes: a photo's mean colour.

The functions run from their sources, and isolated: as built and as Lambda runs them.
"""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts import local_stack
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from tests.support.isolation import built_template_or_skip, isolation_or_skip
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
COLOURS = {
    "red": (220, 20, 20),
    "green": (20, 200, 20),
    "blue": (20, 20, 220),
    "dark-red": (160, 10, 10),
    "yellow": (220, 220, 20),
}


def photo(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 60), COLOURS[colour]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model"), output={"l2_normalise": True})


@pytest.fixture(scope="module", params=["from sources", "isolated"])
def stack(request, model_dir, tmp_path_factory) -> Iterator[LocalStack]:
    options = {"log_dir": tmp_path_factory.mktemp("logs"), "parameters": {"MaxStalenessSeconds": "1"}, "window_s": 1}
    if request.param == "from sources":
        with LocalStack(launcher=from_sources(model_dir), **options) as stack:
            yield stack
    else:
        template = built_template_or_skip()
        with (
            isolation_or_skip(model_dir) as isolation,
            LocalStack(launcher=isolation.launch, template=template, **options) as stack,
        ):
            yield stack


def call(url: str, body: bytes | None = None, kind: str = "image/png") -> tuple[int, Any]:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind} if body else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def wait_for[T](ask: Callable[[], T], timeout_s: float = 30) -> T:
    """The first true answer."""
    until = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
    return answer


def found(stack: LocalStack, colour: str) -> list[str]:
    """The products most like a colour."""
    status, answer = call(f"{stack.url}/api/search?k=10", photo(colour))
    return [item["product_id"] for item in answer["results"]] if status == 200 else []


def put(stack: LocalStack, key: str, body: bytes, **metadata: str) -> None:
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=key, Body=body, Metadata=metadata)


def test_an_empty_catalogue_says_so(stack):
    status, problem = call(f"{stack.url}/api/search", photo("red"))
    assert (status, problem["type"]) == (503, "urn:lookalike:problem:catalogue-empty")


def test_a_dropped_photo_is_found_within_ten_seconds_and_a_broken_one_explained(stack):
    wait_for(lambda: len(stack.processes()["IngestFunction"]) > 0)
    dropped = time.monotonic()
    put(stack, "images/one red.png", photo("red"), name="A red one")
    put(stack, "images/two/front.png", photo("blue"))
    put(stack, "images/three.jpg", b"This is no photo.")
    wait_for(lambda: found(stack, "dark-red")[:2] == ["one red", "two"])
    assert time.monotonic() - dropped < 10
    (best, *_) = call(f"{stack.url}/api/search", photo("dark-red"))[1]["results"]
    assert best["attributes"] == {"name": "A red one"}
    # The address is the distribution's, as the origin's header says that the request came through it.
    assert best["image_url"] == "/images/one%20red.png"
    with urllib.request.urlopen(stack.url + best["image_url"], timeout=30) as answer:
        assert answer.read() == photo("red")
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    product = wait_for(lambda: (answer := call(f"{stack.url}/api/products/three"))[0] == 200 and answer[1])
    assert product["photos"][0]["status"] == "rejected"
    assert product["photos"][0]["reason"]["code"] == "not-an-image"


def test_a_deleted_photo_is_gone_and_compaction_changes_nothing(stack):
    put(stack, "images/green.png", photo("green"))
    wait_for(lambda: "green" in found(stack, "green"))
    stack.s3.delete_object(Bucket=stack.catalogue_bucket, Key="images/green.png")
    wait_for(lambda: "green" not in found(stack, "green"))
    before = found(stack, "red")
    (compaction,) = [item for item in stack.schedulers if item.function_id == "CompactFunction"]
    result = compaction.fire()
    assert result.error is None
    assert found(stack, "red") == before


def test_odd_keys_are_photos_or_refusals_and_accents_are_compared_in_nfc(stack):
    put(stack, "images//yellow.png", photo("yellow"), name="Yellow")
    put(stack, "images/folder/", b"")
    accented = "images/Ja\N{COMBINING DIAERESIS}ckchen/front.png"
    put(stack, accented, photo("yellow"))
    for product, key, status in (
        ("yellow", "images//yellow.png", "searchable"),
        ("J%C3%A4ckchen", accented, "searchable"),
        ("Ja%CC%88ckchen", accented, "searchable"),
        ("folder", "images/folder/", "rejected"),
    ):
        url = f"{stack.url}/api/products/{product}"
        (shown,) = wait_for(lambda url=url: (answer := call(url))[0] == 200 and answer[1]["photos"])
        assert (shown["image_key"], shown["status"]) == (key, status)
        with urllib.request.urlopen(stack.url + shown["image_url"], timeout=30) as answer:
            assert answer.read() == (photo("yellow") if status == "searchable" else b"")


def test_the_page_comes_with_its_policy(stack):
    with urllib.request.urlopen(stack.url, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Strict-Transport-Security"] is None
    assert call(f"{stack.url}/api/nothing")[1]["type"] == "urn:lookalike:problem:not-found"


# --- the command ------------------------------------------------------------------------------------------------------


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "scripts.local_stack", *map(str, arguments)]


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    if not Path("/proc").exists():
        pytest.skip("needs /proc")
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while we looked
    children = [child for child, parent in parents.items() if parent == pid]
    return children + [other for child in children for other in descendants(child)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def start(model_dir, tmp_path) -> Iterator[Callable[..., tuple[subprocess.Popen, str]]]:
    """Start the command on free ports; returns it and its output until it was ready.

    It runs the functions from their sources with the small model, unless ``--isolated`` is given.
    """
    started: list[subprocess.Popen] = []

    def start(*arguments: str | Path) -> tuple[subprocess.Popen, str]:
        options = ["--port", "0", "--s3-port", "0", "--log-dir", tmp_path / "logs"]
        if "--isolated" not in arguments:
            options += ["--model-dir", model_dir]
        process = subprocess.Popen(
            command(*options, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # One that is killed cannot clean up behind itself.
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        started.append(process)
        said = ""
        while "Ctrl-C ends everything" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        return process, said

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(params=["from sources", "isolated"])
def how(request) -> list[str]:
    """The options of both ways to run the functions."""
    if request.param == "from sources":
        return []
    built_template_or_skip()
    return ["--isolated"]


def test_the_command_seeds_a_zip_with_labels_and_ends_without_a_trace(start, how, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("1.png", photo("red"))
        archive.writestr("2/back.png", photo("blue"))
        archive.writestr("3.jpg", b"no photo")
    (tmp_path / "labels.csv").write_text("id,productDisplayName,Colour\n1,Rote Jäcke,Red\n", encoding="utf-8")
    process, said = start("--images", tmp_path / "photos.zip", "--labels", tmp_path / "labels.csv", *how)
    assert re.search(r"^3 photos in [\d.]+ s, [\d.]+ a second, 1 of them rejected", said, re.MULTILINE)
    url = re.search(r"^Lookalike is ready: (http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)[1]
    health = call(f"{url}/api/health")[1]
    assert (health["photos"], health["rejected"]) == (2, 1)
    assert call(f"{url}/api/products/1")[1]["attributes"] == {"name": "Rote Jäcke", "colour": "Red"}
    processes = descendants(process.pid)
    assert len(processes) >= 3
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Lookalike has ended." in errors
    assert "Traceback" not in errors
    assert not [pid for pid in processes if is_running(pid)]


def test_the_command_says_what_it_took_from_a_well_known_download(start, tmp_path):
    """The small form of "Fashion Product Images": photos and styles.csv, and both once more in a folder."""
    ids = [str(number) for number in range(70000, 70006)]
    styles = "id,masterCategory,productDisplayName\n" + "".join(
        f"{product},Apparel,Shirt, {product}\n" for product in ids
    )
    with zipfile.ZipFile(tmp_path / "fashion.zip", "w") as archive:
        for root in ("", "myntradataset/"):
            archive.writestr(f"{root}styles.csv", styles)
            for number, product in enumerate(ids):
                archive.writestr(f"{root}images/{product}.jpg", photo(list(COLOURS)[number % 5]))
    (tmp_path / "styles.csv").write_text(f"{styles}99999999,Apparel,No image\n", encoding="utf-8")
    _, said = start("--images", tmp_path / "fashion.zip", "--labels", tmp_path / "styles.csv")
    assert "\n6 photos of 6 products, 6 of them labelled.\n" in said
    assert "column id names the product; 7 rows; 6 rows with more values than columns, " in said
    assert "\nLeft out, second copies of photos: 6, such as myntradataset/images/70000.jpg, " in said
    assert "\nLeft out, files without the suffix of a photo: 2, such as myntradataset/styles.csv, styles.csv.\n" in said
    assert "\nLabels without a photo: 1, such as 99999999.\n" in said
    assert re.search(r"^6 photos in [\d.]+ s, [\d.]+ a second\.$", said, re.MULTILINE)
    url = re.search(r"^Lookalike is ready: (\S+)$", said, re.MULTILINE)[1]
    assert call(f"{url}/api/health")[1]["products"] == 6
    assert call(f"{url}/api/products/70005")[1]["attributes"]["name"] == "Shirt, 70005"


def test_the_command_for_more_photos_works_as_it_is_printed(start, tmp_path):
    (tmp_path / "my-product.png").write_bytes(photo("green"))
    _, said = start("--empty")
    printed = said.partition("after these commands:")[2].partition("Instead of")[0]
    done = subprocess.run(
        ["sh", "-c", printed.replace("upload photo.jpg", f"upload {tmp_path / 'my-product.png'}")],
        cwd=ROOT,
        # Only programs of the system, and no AWS configuration.
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    url = re.search(r"^Lookalike is ready: (\S+)$", said, re.MULTILINE)[1]
    wait_for(lambda: call(f"{url}/api/health")[1]["photos"] == 1)
    assert call(f"{url}/api/products/my-product")[0] == 200


def test_nothing_outlives_a_supervisor_that_is_killed(start, how):
    process, _ = start("--empty", *how)
    processes = descendants(process.pid)
    assert len(processes) >= 3
    process.kill()
    process.wait(timeout=10)
    wait_for(lambda: not [pid for pid in processes if is_running(pid)], timeout_s=10)


@pytest.fixture
def signals() -> Iterator[None]:
    """The command takes signals over; afterwards they do what they did."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_what_cannot_work_is_told_in_one_line_before_anything_starts(model_dir, tmp_path, capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (tmp_path / "bad.csv").write_text("product\n1\n", encoding="utf-8")
        cases = [
            (
                ("--empty", "--port", port, "--s3-port", "0"),
                f"Port {port} is taken. Choose another one: make demo PORT=",
            ),
            (
                ("--empty", "--port", "0", "--s3-port", port),
                f"Port {port} is taken. Choose another one: make demo S3_PORT=",
            ),
            (("--images", tmp_path / "missing.zip"), "missing.zip does not exist"),
            (("--images", tmp_path, "--labels", tmp_path / "bad.csv"), "no column named id"),
            (("--empty", "--port", "0", "--s3-port", "0", "--parameter", "Wrong=1"), "no parameter Wrong"),
            (("--images", tmp_path, "--labels", tmp_path / "bad.csv", "--id-column", "ean"), "no column named ean"),
            (("--empty", "--model-dir", tmp_path), "make model"),
        ]
        for arguments, message in cases:
            options = ("--model-dir", model_dir, "--log-dir", tmp_path / "logs", *arguments)
            assert local_stack.main([str(option) for option in options]) == 2
            out, errors = capfd.readouterr()
            assert out == ""
            assert message in errors
            assert len(errors.strip().splitlines()) == 1
    assert not (tmp_path / "logs").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]
