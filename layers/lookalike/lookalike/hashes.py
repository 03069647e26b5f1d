"""Hashes that stand for keys and for product ids in columns of fixed width."""

import hashlib
from collections.abc import Iterable

HASH_BYTES = 16


def text_hash(text: str) -> bytes:
    """16 bytes that stand for a key or a product id."""
    return hashlib.blake2b(text.encode(), digest_size=HASH_BYTES).digest()


def padded(hashed: bytes) -> bytes:
    """A hash as it was: NumPy takes zeros at the end of an element for padding, and drops them."""
    return bytes(hashed).ljust(HASH_BYTES, b"\0")


def hashes_of(texts: Iterable[bytes]) -> bytes:
    """The hashes of many texts in UTF-8, one behind the other."""
    blake2b = hashlib.blake2b
    return b"".join([blake2b(text, digest_size=HASH_BYTES).digest() for text in texts])
