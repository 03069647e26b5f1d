"""Amazon S3 Vectors: its calls, repeated while the service is busy. Beside ``aws``, the only module that imports boto3."""

import random
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from lookalike.errors import IndexUnavailable

_BUSY: Final = (
    "TooManyRequestsException",
    "ServiceUnavailableException",
    "RequestTimeoutException",
    "InternalServerException",
)
_BUSY_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504})  # of answers that are none of the service's own
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_MOST_IN_PAGES: Final = 10_000
_MOST_AT_ONCE: Final = 100


def vectors_client(*, read_timeout_s: float = 20, connections: int = 8, endpoint_url: str | None = None) -> Any:
    """A client for S3 Vectors; endpoint, region and credentials come from the environment, as boto3 defines it.

    It repeats nothing: ``VectorService`` does.
    """
    config = Config(
        connect_timeout=2,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("s3vectors", config=config, endpoint_url=endpoint_url)


class VectorService:
    """The calls of S3 Vectors, each of which may be repeated: it states what is to be, and not what is to change.

    A call is repeated after random pauses, twice as long on average from one to the next, until ``deadline_s`` have passed since it began.
    """

    def __init__(self, client: Any, *, deadline_s: float) -> None:
        self._client = client
        self._deadline_s = deadline_s

    def call(self, name: str, **arguments: Any) -> Mapping[str, Any]:
        """The answer to a call, by the name of its method in boto3. Raises IndexUnavailable."""
        until = time.monotonic() + self._deadline_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                answer: Mapping[str, Any] = getattr(self._client, name)(**arguments)
                return answer
            except (BotoCoreError, ClientError) as error:
                wait_s = random.uniform(0, pause_s)  # noqa: S311 - so that clients that were refused together come apart
                if not _is_busy(error) or time.monotonic() + wait_s > until:
                    raise IndexUnavailable(f"S3 Vectors did not answer {name}: {error}") from error
            time.sleep(wait_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def pages(self, name: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """The answers to a call that has several pages. Raises IndexUnavailable."""
        token: dict[str, str] = {}
        while True:
            page = self.call(name, **arguments, **token)
            yield page
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    @cached_property
    def most_candidates(self) -> int:
        """Of a query: as many as botocore's description of the service says, or as a service with its pages is documented to have."""
        members = self._client.meta.service_model.operation_model("QueryVectors").input_shape.members
        most = members["topK"].metadata.get("max")
        return int(most) if most else _MOST_IN_PAGES if "nextToken" in members else _MOST_AT_ONCE


def _is_busy(error: BotoCoreError | ClientError) -> bool:
    """Whether the same call may succeed soon: the service is busy or failed, or its answer did not come."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return error.response.get("Error", {}).get("Code") in _BUSY or status in _BUSY_STATUS
    return isinstance(error, HTTPClientError)
