"""The messages between ``DecoderPool`` and its processes: what both sides must agree on, without the imports of either.

A request is a length and that many bytes, a file. An answer is a kind of one byte, a length and that many bytes.
"""

import struct
from typing import Final

PIXELS, REFUSED, FAILED = b"P", b"R", b"F"
"""The kinds of answers: RGB bytes; ``reason`` and message, with a NUL between them; the traceback of an error in our own code."""

LENGTH: Final = struct.Struct("<Q")
