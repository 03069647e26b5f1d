"""The API under made-up requests and under load: no fault of ours, answers as described, memory that does not grow.

Both take longer where the environment says so: API_FUZZ_S=300, and API_LOAD_S=600 with API_LOAD_CLIENTS=200.
"""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.local.stack import LocalStack
from tests.support.local_api import local_api, photo

ROOT = Path(__file__).parents[2]
FUZZ_S = int(os.environ.get("API_FUZZ_S", "0"))
EXAMPLES = 50
"""Of each operation, where there is no time to fill: the same requests on every machine."""
LOAD_S = int(os.environ.get("API_LOAD_S", "5"))
CLIENTS = int(os.environ.get("API_LOAD_CLIENTS", "20"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with local_api(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


def test_made_up_requests_are_answered_as_the_description_says(stack: LocalStack, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    config = ROOT / "tests" / "integration" / "schemathesis.toml"
    options = ["--seed", "1", "--report-json-path", str(report)]
    options += ["--max-time", str(FUZZ_S)] if FUZZ_S else ["--max-examples", str(EXAMPLES)]
    # Histories of requests, the phase that is left out, send no photo.
    options += ["--phases", "coverage,fuzzing"]
    # Any bytes fit the description of a photo, and most are none.
    options += ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]

    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            "--config-file",
            config,
            "run",
            f"{stack.url}/api/openapi.json",
            *options,
        ],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=FUZZ_S + 300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tried = json.loads(report.read_text(encoding="utf-8"))
    print(f"{tried['test_cases']['generated']} requests in {tried['running_time']:.0f} s: {tried['valid_rates']}")
    assert tried["operations"]["tested"] == tried["operations"]["selected"] > 0
    assert tried["test_cases"]["generated"] > 400
    for operation, phases in tried["valid_rates"].items():
        # Bytes that are made up are hardly ever a photo, and a small catalogue has no map.
        if operation not in ("POST /api/search", "GET /api/map"):
            assert sum(phase["accepted"] for phase in phases.values()) > 0, operation


# What clients ask in turn, and the status of the answer.
REQUESTS = (
    ("POST", "/api/search?k=2", "image/jpeg", 200),
    ("POST", "/api/search", "application/octet-stream", 200),
    ("GET", "/api/products/red/similar", None, 200),
    ("GET", "/api/products/torn", None, 200),
    ("HEAD", "/api/health", None, 200),
    ("GET", "/api/products/nobody/similar", None, 404),
    ("POST", "/api/search/", "image/jpeg", 404),
    ("POST", "/api/search", "multipart/form-data", 400),
)


def test_many_clients_at_once_are_answered_and_memory_stays(stack: LocalStack) -> None:
    counts: Counter[str] = Counter()
    failures: list[str] = []
    lock = threading.Lock()
    end = time.monotonic() + LOAD_S

    def client(number: int) -> None:
        draw = random.Random(number)
        address = urlsplit(stack.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        while time.monotonic() < end:
            method, path, content_type, expected = draw.choice(REQUESTS)
            body = photo((draw.randrange(256), draw.randrange(256), 99), "JPEG") if content_type else None
            connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            said = answer.read()
            with lock:
                counts[f"{method} {path} {answer.status}"] += 1
                if answer.status != expected:
                    failures.append(f"{method} {path}: {answer.status} {said[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=client, args=[number], daemon=True) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(LOAD_S / 3)
    before = resident_bytes(stack)
    for thread in threads:
        thread.join(LOAD_S + 150)
    after = resident_bytes(stack)

    print(f"{CLIENTS} clients, {LOAD_S} s, {counts.total()} answers: {dict(counts)}")
    print(f"memory of the query function: {before} bytes after a third of the time, {after} at the end")
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert counts.total() >= 10 * LOAD_S
    assert before.keys() == after.keys(), "a process was replaced"
    for process, size in after.items():
        assert size < before[process] * 1.1 + 8e6


def resident_bytes(stack: LocalStack) -> dict[int, int]:
    """The resident memory of the query function's processes by process id; nothing where there is no /proc."""
    sizes = {}
    for process in stack.processes()["QueryFunction"]:
        status = Path(f"/proc/{process}/status")
        if status.exists():
            (line,) = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS")]
            sizes[process] = int(line.split()[1]) * 1024
    return sizes
