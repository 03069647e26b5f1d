"""Decode photos in processes of their own, each with a deadline and a memory limit. See docs/decisions/0040.

A photo that exceeds a limit or crashes its decoder is refused; the next one gets a new process. No photo outlives its deadline.
"""

import os
import queue
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import lookalike
from lookalike.errors import DecoderUnavailable, ImageError, TooMuchWork, UndecodableImage
from lookalike.photos.decoder_protocol import LENGTH, PIXELS, REFUSED, REQUEST, packed
from lookalike.photos.headers.header import DAMAGED
from lookalike.photos.regions import WHOLE, Region
from lookalike.settings import DECODING_BYTES_PER_PIXEL

PROCESSOR_S: Final = 8.0
"""The processor time that one photo may take. The worst files that are accepted take 3 s on a machine of today."""

ELAPSED_S: Final = 20.0
"""The time by the clock after which a decoder that gets no processor is given up, below the 29 s of a query."""

PROCESS_BYTES: Final = 96 * 1024 * 1024
"""The memory that a decoder may take beside the pixels: Python 20 MB, a file of 20 MB and copies of it."""

# The rest of the environment, the credentials above all, is not the decoders' business.
_VARIABLES: Final = ("PATH", "LD_LIBRARY_PATH", "LANG")
# glibc hands large blocks back at once, so that pieces of one photo do not add to the memory of the next one, and keeps 16 MB of
# small ones: to ask the kernel for them again took a fifth of the time of an ordinary photo.
_MALLOC: Final = {"MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "16777216"}

_REFUSALS: Final[dict[str, type[ImageError]]] = {kind.reason: kind for kind in ImageError.__subclasses__()}

Pixels = NDArray[np.uint8]


class DecoderPool:
    """Processes that decode photos to squares of ``size``; the first one starts at once, and others when they are needed.

    ``processes`` is the number of photos that are decoded at the same time. Any number of threads may call ``decode``.
    """

    def __init__(
        self,
        *,
        size: int,
        max_pixels: int,
        processes: int,
        processor_s: float = PROCESSOR_S,
        elapsed_s: float = ELAPSED_S,
    ) -> None:
        memory_bytes = PROCESS_BYTES + DECODING_BYTES_PER_PIXEL * max_pixels
        call = f"main({size}, {max_pixels}, {processor_s}, {memory_bytes})"
        program = f"from lookalike.photos.decoder_process import main; {call}"
        self._size = size
        self._decoders: queue.LifoQueue[_Decoder] = queue.LifoQueue()
        for _ in range(processes):
            self._decoders.put(_Decoder(program, elapsed_s))
        with self._free() as first:
            first.start()

    def process_id(self) -> int:
        """The process that decodes the next photo."""
        with self._free() as decoder:
            return decoder.start().pid

    def decode(self, data: bytes) -> Pixels:
        """Decode a whole photo into uint8 (``size``, ``size``, 3). Raises what ``decode_regions`` raises."""
        square: Pixels = self.decode_regions(data, (WHOLE,))[0]
        return square

    def decode_regions(self, data: bytes, regions: Sequence[Region]) -> Pixels:
        """Decode regions of a photo, at most 255, into uint8 (regions, ``size``, ``size``, 3).

        Raises the ``ImageError`` that refuses the photo, and ``DecoderUnavailable`` where a decoder is ended from outside or gets
        no processor: a retry may succeed.
        """
        request = REQUEST.pack(len(data), len(regions)) + packed(regions)
        with self._free() as decoder:
            pixels = decoder.answer(request, data)
        return np.frombuffer(pixels, np.uint8).reshape(len(regions), self._size, self._size, 3)

    @contextmanager
    def _free(self) -> "Iterator[_Decoder]":
        decoder = self._decoders.get()
        try:
            yield decoder
        finally:
            self._decoders.put(decoder)


class _Decoder:
    """One process, which is replaced when it ends. One thread at a time may use it."""

    def __init__(self, program: str, elapsed_s: float) -> None:
        self._program = program
        self._elapsed_s = elapsed_s
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def start(self) -> "subprocess.Popen[bytes]":
        """The running process. A copy of this process (a snapshot that was restored twice) must not share its parent's."""
        if self._process is None or self._owner != os.getpid():
            paths = [str(Path(lookalike.__file__).parents[1]), *(path for path in sys.path if path)]
            environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-c", self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**environment, **_MALLOC, "PYTHONPATH": os.pathsep.join(paths)},
                bufsize=0,
            )
            self._owner = os.getpid()
            weakref.finalize(self, _end, self._process, self._owner)
        return self._process

    def answer(self, request: bytes, data: bytes) -> bytes:
        """The pixels of one photo, asked for a second time if the decoder fails that may have been harmed by an earlier one."""
        for is_fresh in (self._process is None, True):
            process = self.start()
            try:
                kind, body = _ask(process, (request, data), time.monotonic() + self._elapsed_s)
            except (EOFError, BrokenPipeError):
                error = _death(self._stop())
                if is_fresh or isinstance(error, TooMuchWork):
                    raise error from None
            except BaseException:
                self._stop()
                raise
            else:
                return _result(kind, body)
        raise AssertionError("a fresh decoder gives an answer or an error")

    def _stop(self) -> int:
        process, self._process = self._process, None
        return _end(process, self._owner) if process else 0


def _result(kind: bytes, body: bytes) -> bytes:
    if kind == PIXELS:
        return body
    if kind == REFUSED:
        reason, _, message = body.decode().partition("\0")
        raise _REFUSALS[reason](message)
    raise RuntimeError(f"The decoder failed, which is no fault of the photo:\n{body.decode()}")


def _death(status: int) -> Exception:
    """What the end of a decoder says of the photo that it had."""
    if status == -signal.SIGPROF:
        return TooMuchWork("The photo takes too long to decode. Save it as a plain JPEG.")
    if status in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL):
        return UndecodableImage(DAMAGED)
    return DecoderUnavailable(f"The process that decodes photos ended with status {status}. Try again.")


def _ask(process: "subprocess.Popen[bytes]", request: tuple[bytes, bytes], deadline: float) -> tuple[bytes, bytes]:
    sending, receiving = (pipe.fileno() for pipe in (process.stdin, process.stdout) if pipe)
    os.set_blocking(sending, False)
    for part in request:
        view = memoryview(part)
        while view:
            _wait(sending, select.POLLOUT, deadline)
            view = view[os.write(sending, view) :]
    head = _receive(receiving, 1 + LENGTH.size, deadline)
    (length,) = LENGTH.unpack(head[1:])
    return head[:1], _receive(receiving, length, deadline)


def _receive(file: int, count: int, deadline: float) -> bytes:
    received = b""
    while len(received) < count:
        _wait(file, select.POLLIN, deadline)
        part = os.read(file, count - len(received))
        if not part:
            raise EOFError
        received += part
    return received


def _wait(file: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(file, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise DecoderUnavailable("The process that decodes photos got no processor. Try again.")


def _end(process: "subprocess.Popen[bytes]", owner: int) -> int:
    """End a process and collect it: its status, negative for a signal. Only its owner may, and no copy of the owner."""
    if owner != os.getpid():
        return 0
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    return process.wait()
