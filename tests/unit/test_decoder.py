"""No photo outlives its deadline, takes more memory than its limit, or harms the photos beside it."""

import gc
import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import (
    CropTooSmall,
    DecoderUnavailable,
    ImageError,
    NotAnImage,
    TooManyPixels,
    TooMuchWork,
    UndecodableImage,
)
from lookalike.photos.decoder import DecoderPool
from lookalike.photos.images import decode, decode_regions
from lookalike.photos.regions import WHOLE, Region, with_windows
from tests.support.photo_files import gradients, quantised

SIZE = 32


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


PHOTO = encoded(Image.fromarray(quantised(gradients(3, 64), 8)), "JPEG")
LARGE = encoded(Image.new("RGB", (4_000, 4_000)), "WEBP", lossless=True, method=0)


@pytest.fixture(scope="module")
def pool() -> DecoderPool:
    return DecoderPool(size=SIZE, max_pixels=20_000_000, processes=2)


def processes(pool: DecoderPool) -> list[int]:
    return [decoder._process.pid for decoder in pool._decoders.queue if decoder._process]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of the decoder; it has the decoder's limits and protocol."""
    package = tmp_path / "lookalike"
    real = Path(sys.modules["lookalike"].__file__ or "").parent
    (package / "photos").mkdir(parents=True)
    photos = ("__init__", "decoder_process", "decoder_protocol", "regions")
    for name in ("__init__.py", "errors.py", *(f"photos/{module}.py" for module in photos)):
        (package / name).write_text((real / name).read_text("utf-8"), "utf-8")
    monkeypatch.setattr("lookalike.photos.decoder.lookalike.__file__", str(package / "__init__.py"))
    return package / "photos" / "images.py"


def test_pixels_are_those_of_decode(pool: DecoderPool) -> None:
    expected = np.asarray(decode(PHOTO, size=SIZE))
    with ThreadPoolExecutor(8) as threads:
        for pixels in threads.map(pool.decode, [PHOTO] * 50):
            np.testing.assert_array_equal(pixels, expected)
    assert len(processes(pool)) <= 2


def test_regions_of_a_photo_come_in_their_order(pool: DecoderPool) -> None:
    regions = [*with_windows(WHOLE), Region(0.1, 0.2, 0.7, 0.3)]
    expected = [np.asarray(square) for square in decode_regions(PHOTO, regions, size=SIZE)]
    np.testing.assert_array_equal(pool.decode_regions(PHOTO, regions), expected)


def test_a_crop_of_a_few_pixels_is_refused_with_its_reason(pool: DecoderPool) -> None:
    with pytest.raises(CropTooSmall, match="6 of the photo's pixels"):
        pool.decode_regions(PHOTO, [Region(0, 0, 0.1, 1)])
    assert pool.decode(PHOTO).shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NotAnImage),
        (PHOTO[:300], UndecodableImage),
        (encoded(Image.new("L", (5_000, 5_000)), "PNG"), TooManyPixels),
    ],
)
def test_refusals_come_with_their_reason(pool: DecoderPool, data: bytes, error: type[ImageError]) -> None:
    with pytest.raises(ImageError) as refusal:
        decode(data, size=SIZE, max_pixels=20_000_000)
    with pytest.raises(error) as answer:
        pool.decode(data)
    assert str(answer.value) == str(refusal.value)


def test_a_file_of_many_megabytes_is_taken(pool: DecoderPool) -> None:
    np.testing.assert_array_equal(pool.decode(PHOTO.ljust(20_000_000, b"\0")), pool.decode(PHOTO))


def test_a_photo_that_takes_too_long_is_refused_and_the_next_one_is_decoded() -> None:
    pool = DecoderPool(size=SIZE, max_pixels=20_000_000, processes=1, processor_s=0.05)
    begin = time.monotonic()
    with pytest.raises(TooMuchWork, match="too long"):
        pool.decode(LARGE)
    assert time.monotonic() - begin < 5
    pool = DecoderPool(size=SIZE, max_pixels=20_000_000, processes=1, processor_s=1)
    assert pool.decode(PHOTO).shape == (SIZE, SIZE, 3)


def test_the_processor_time_of_one_photo_is_not_that_of_the_next() -> None:
    pool = DecoderPool(size=SIZE, max_pixels=20_000_000, processes=1, processor_s=1)
    begin = time.process_time()
    used = 0.0
    while used < 1.5:
        pool.decode(LARGE)
        (pid,) = processes(pool)
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").split()
        used = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    assert time.process_time() - begin < used  # the work is done over there


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("while True: pass", TooMuchWork),
        ("bytearray(3_000_000_000)", TooMuchWork),
        ("os.kill(os.getpid(), signal.SIGSEGV)", UndecodableImage),
        ("os.abort()", UndecodableImage),
        ("os.kill(os.getpid(), signal.SIGKILL)", DecoderUnavailable),
        ("os._exit(0)", DecoderUnavailable),
        ("time.sleep(60)", DecoderUnavailable),
        ("raise KeyError('a bug')", RuntimeError),
        ("os.write(2, b'x' * 1_000_000); raise NotAnImage('no photo')", NotAnImage),
    ],
)
def test_every_end_of_a_decoder_has_its_error(stub: Path, program: str, error: type[Exception]) -> None:
    stub.write_text(
        "import os, signal, time\nfrom lookalike.errors import NotAnImage\n"
        f"def decode_regions(data, regions, *, size, max_pixels):\n    if data == b'poison':\n        {program}\n"
        "    class Pixels:\n        def tobytes(self): return bytes(size * size * 3)\n    return [Pixels() for _ in regions]\n",
        "utf-8",
    )
    pool = DecoderPool(size=SIZE, max_pixels=1_000_000, processes=1, processor_s=0.5, elapsed_s=3)
    assert not pool.decode(b"before").any()
    with pytest.raises(error):
        pool.decode(b"poison")
    assert not pool.decode(b"after").any()


def test_a_photo_is_not_blamed_for_what_an_earlier_one_has_broken(stub: Path) -> None:
    stub.write_text(
        "import os, signal\nharmed = False\n"
        "def decode_regions(data, regions, *, size, max_pixels):\n    global harmed\n"
        "    if harmed: os.kill(os.getpid(), signal.SIGSEGV)\n    harmed = True\n"
        "    class Pixels:\n        def tobytes(self): return bytes(size * size * 3)\n    return [Pixels() for _ in regions]\n",
        "utf-8",
    )
    pool = DecoderPool(size=SIZE, max_pixels=1_000_000, processes=1)
    for _ in range(3):
        assert not pool.decode(b"photo").any()


def test_a_decoder_that_was_ended_while_it_had_nothing_to_do_is_replaced(pool: DecoderPool) -> None:
    expected = pool.decode(PHOTO)
    for pid in processes(pool):
        os.kill(pid, signal.SIGKILL)
    np.testing.assert_array_equal(pool.decode(PHOTO), expected)


def test_decoders_end_with_their_pool() -> None:
    pool = DecoderPool(size=SIZE, max_pixels=1_000_000, processes=1)
    pool.decode(PHOTO)
    (pid,) = processes(pool)
    del pool
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()


def test_decoders_end_with_a_process_that_is_killed() -> None:
    program = (
        "from lookalike.photos.decoder import DecoderPool\nimport time\n"
        f"pool = DecoderPool(size={SIZE}, max_pixels=1000, processes=1)\n"
        "print(next(d._process.pid for d in pool._decoders.queue), flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text("utf-8").split()[2] == "Z":
            return
        threading.Event().wait(0.1)
    pytest.fail("the decoder lives on")


def test_decoders_know_no_secrets(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fresh = DecoderPool(size=SIZE, max_pixels=1_000_000, processes=1)
    fresh.decode(PHOTO)
    (pid,) = processes(fresh)
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
