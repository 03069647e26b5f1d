"""Hashes that stand for keys and for product ids in columns of fixed width."""

import hashlib

HASH_BYTES = 16


def text_hash(text: str) -> bytes:
    """16 bytes that stand for a key or a product id."""
    return bytes_hash(text.encode())


def bytes_hash(data: bytes) -> bytes:
    """The same of a text in UTF-8."""
    return hashlib.blake2b(data, digest_size=HASH_BYTES).digest()
