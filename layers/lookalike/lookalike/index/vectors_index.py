"""A CandidateIndex in Amazon S3 Vectors, in an index that the stack has made.

PutVectors overwrites, whatever the order. So the orders of the entries that are there are read before an entry is written,
which one writer at a time may rely on. Should two write at once all the same, the older of two rows may stay. Its candidate is
dropped, as its row is not the newest, until the key's row is written once more: when compaction moves it, or when the index is filled anew.

Entries of another making have no place in the store, and are no candidates.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import batched
from typing import Any, Final, NamedTuple

import numpy as np

from lookalike.aws_vectors import VectorService
from lookalike.hashes import HASH_BYTES, padded
from lookalike.index.port import Candidates, IndexRows, check_dimensions, hashes_from, no_candidates, texts_of
from lookalike.store.records import ORDER_BYTES
from lookalike.store.rows import Embeddings, Hashes

NOT_FILTERED: Final = ("order", "segment", "row")
"""The metadata that no query filters by, as the template names it."""

_WRITTEN_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 100
_LISTED_AT_ONCE: Final = 1000
_REQUEST_BYTES: Final = 16 * 1024 * 1024  # of the 20 MiB that a request may have
_NUMBER_BYTES: Final = 26  # of a float32 in JSON, at most
_ENTRY_BYTES: Final = 1024  # of the rest of an entry


class _Found(NamedTuple):
    key: str
    order: str
    product: str
    segment: str
    row: int
    distance: float


class S3VectorsIndex:
    """``bucket``, ``index``: the names of the vector bucket and of an index of Euclidean distance in it."""

    most_products = 100  # the service names no bound

    def __init__(self, service: VectorService, bucket: str, index: str, dimensions: int, *, name: str) -> None:
        self.name = name
        self.dimensions = dimensions
        self._service = service
        self._index = {"vectorBucketName": bucket, "indexName": index}

    @property
    def most_candidates(self) -> int:
        return self._service.most_candidates

    def put(self, rows: IndexRows) -> None:
        check_dimensions(rows, self.dimensions)
        at_once = min(_WRITTEN_AT_ONCE, _REQUEST_BYTES // (_NUMBER_BYTES * self.dimensions + _ENTRY_BYTES))
        keys, orders, products = texts_of(rows.key_hash), texts_of(rows.order), texts_of(rows.product_hash)
        with ThreadPoolExecutor(_WRITTEN_AT_ONCE // _READ_AT_ONCE) as readers:
            for batch in batched(range(len(rows)), at_once):
                known = self._known_orders([keys[at] for at in batch], readers)
                vectors = [
                    {
                        "key": keys[at],
                        "data": {"float32": rows.vectors[at].tolist()},
                        "metadata": {
                            "product": products[at],
                            "order": orders[at],
                            "segment": rows.segment,
                            "row": int(rows.row[at]),
                        },
                    }
                    for at in batch
                    if known.get(keys[at], "") <= orders[at]
                ]
                if vectors:
                    self._service.call("put_vectors", **self._index, vectors=vectors)

    def _known_orders(self, keys: Sequence[str], readers: ThreadPoolExecutor) -> dict[str, str]:
        """The order of each entry that is there, by key."""

        def read(some: Sequence[str]) -> Mapping[str, Any]:
            return self._service.call("get_vectors", **self._index, keys=list(some), returnMetadata=True)

        answers = readers.map(read, batched(keys, _READ_AT_ONCE))
        return {
            entry["key"]: str(entry.get("metadata", {}).get("order", ""))
            for answer in answers
            for entry in answer["vectors"]
        }

    def delete(self, keys: Hashes) -> None:
        for some in batched(texts_of(keys), _WRITTEN_AT_ONCE):
            self._service.call("delete_vectors", **self._index, keys=list(some))

    def query(self, vector: Embeddings, count: int, *, products: Sequence[bytes] | None = None) -> Candidates:
        count = min(count, self.most_candidates)
        if count < 1 or (products is not None and not products):
            return no_candidates()
        narrowing = {}
        if products is not None:
            named = [padded(product).hex() for product in products]
            narrowing = {"filter": {"product": {"$in": named}}}
        pages = self._service.pages(
            "query_vectors",
            **self._index,
            **narrowing,
            topK=count,
            queryVector={"float32": vector.tolist()},
            returnMetadata=True,
            returnDistance=True,
        )
        found = [entry for page in pages for entry in _entries(page)]
        return Candidates(
            segments=tuple(entry.segment for entry in found),
            row=np.array([entry.row for entry in found], np.int64),
            key_hash=hashes_from([entry.key for entry in found], HASH_BYTES),
            order=hashes_from([entry.order for entry in found], ORDER_BYTES),
            product_hash=hashes_from([entry.product for entry in found], HASH_BYTES),
            distances=np.array([entry.distance for entry in found], np.float32),
        )

    def settle(self) -> None:
        """Nothing: the service brings its own files in order."""

    def is_empty(self) -> bool:
        return not self._service.call("list_vectors", **self._index, maxResults=1)["vectors"]

    def count(self) -> int:
        pages = self._service.pages("list_vectors", **self._index, maxResults=_LISTED_AT_ONCE)
        return sum(len(page["vectors"]) for page in pages)


def _entries(page: Mapping[str, Any]) -> Iterator[_Found]:
    """The entries of an answer that are of our making."""
    for entry in page["vectors"]:
        with suppress(LookupError, TypeError, ValueError):
            about = entry["metadata"]
            found = _Found(
                entry["key"], about["order"], about["product"], about["segment"], int(about["row"]), entry["distance"]
            )
            hashes_from([found.key, found.product], HASH_BYTES)
            hashes_from([found.order], ORDER_BYTES)
            yield found
