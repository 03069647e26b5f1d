"""Hashes that stand for keys and for product ids in columns of fixed width."""

import hashlib

HASH_BYTES = 16


def text_hash(text: str) -> bytes:
    """16 bytes that stand for a key or a product id."""
    return hashlib.blake2b(text.encode(), digest_size=HASH_BYTES).digest()
