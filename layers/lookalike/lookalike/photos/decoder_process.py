"""The program that decodes photos, one after the other, in a process of its own. ``DecoderPool`` starts it.

Decoders are large C libraries that read what strangers send. A photo that takes too long, takes too much memory or crashes one of
them ends this process only. The kernel keeps both limits, so no code that runs here can outlive them: ITIMER_PROF ends the
process after the processor time that one photo may take, and RLIMIT_DATA makes allocations fail.

Requests come on standard input, each a length and that many bytes. Answers go to standard output: a kind, a length and the bytes.
"""

import argparse
import os
import resource
import signal
import struct
import traceback
from typing import Final

from lookalike.errors import ImageError, TooMuchWork
from lookalike.photos.images import decode

PIXELS, REFUSED, FAILED = b"P", b"R", b"F"
"""The kinds of answers: RGB bytes; ``reason`` and message, with a NUL between them; the traceback of an error in our own code."""

LENGTH: Final = struct.Struct("<Q")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    parser.add_argument("--processor-s", type=float, required=True)
    parser.add_argument("--memory-bytes", type=int, required=True)
    limits = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: this process ends with its input
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
    # libtiff writes its warnings there, which would be lines of no format among the functions' logs.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while head := _read(LENGTH.size):
        data = _read(*LENGTH.unpack(head))
        signal.setitimer(signal.ITIMER_PROF, limits.processor_s)
        kind, body = _answer(data, limits.size, limits.max_pixels)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del data
        _write(kind + LENGTH.pack(len(body)) + body)


def _answer(data: bytes, size: int, max_pixels: int) -> tuple[bytes, bytes]:
    try:
        return PIXELS, decode(data, size=size, max_pixels=max_pixels).tobytes()
    except MemoryError:
        error: ImageError = TooMuchWork("The photo takes too much memory to decode. Save it as a plain JPEG.")
    except ImageError as refusal:
        error = refusal
    except Exception:  # noqa: BLE001 - the parent raises it
        return FAILED, traceback.format_exc().encode()
    return REFUSED, f"{error.reason}\0{error}".encode()


def _read(count: int) -> bytes:
    """So many bytes of standard input; none at its end."""
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        got = os.readv(0, [view])
        if not got:
            return b""
        view = view[got:]
    return bytes(buffer)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
