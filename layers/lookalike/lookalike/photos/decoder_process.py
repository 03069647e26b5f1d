"""The program that decodes photos, one after the other, in a process of its own. ``DecoderPool`` starts it.

Decoders are large C libraries that read what strangers send. A photo that takes too long, takes too much memory or crashes one of
them ends this process only. The kernel keeps both limits, so no code that runs here can outlive them: ITIMER_PROF ends the
process after the processor time that one photo may take, and RLIMIT_DATA makes allocations fail.

Requests come on standard input, and answers go to standard output, as ``decoder_protocol`` says.
"""

import os
import resource
import signal
from collections.abc import Sequence

from lookalike.errors import ImageError, TooMuchWork
from lookalike.photos.decoder_protocol import FAILED, LENGTH, PIXELS, REFUSED, REGION_BYTES, REQUEST, unpacked
from lookalike.photos.images import decode_regions
from lookalike.photos.regions import Region


def main(size: int, max_pixels: int, processor_s: float, memory_bytes: int) -> None:
    """Answer requests until their end. ``processor_s`` is the limit of each photo, ``memory_bytes`` that of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: this process ends with its input
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    # libtiff writes its warnings there, which would be lines of no format among the functions' logs.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while head := _read(REQUEST.size):
        length, count = REQUEST.unpack(head)
        regions = unpacked(_read(count * REGION_BYTES))
        data = _read(length)
        signal.setitimer(signal.ITIMER_PROF, processor_s)
        kind, body = _answer(data, regions, size, max_pixels)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del data
        _write(kind + LENGTH.pack(len(body)) + body)


def _answer(data: bytes, regions: Sequence[Region], size: int, max_pixels: int) -> tuple[bytes, bytes]:
    try:
        squares = decode_regions(data, regions, size=size, max_pixels=max_pixels)
        return PIXELS, b"".join(square.tobytes() for square in squares)
    except MemoryError:
        error: ImageError = TooMuchWork("The photo takes too much memory to decode. Save it as a plain JPEG.")
    except ImageError as refusal:
        error = refusal
    except Exception:  # noqa: BLE001 - the parent raises it
        import traceback  # noqa: PLC0415 - it takes as long to import as Pillow

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
