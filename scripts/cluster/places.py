"""Where the work of a cluster is: buckets, and how each of its machines comes to them."""

from dataclasses import dataclass
from typing import Any

import boto3

from lookalike.aws import S3Store, s3_client


@dataclass(frozen=True, slots=True)
class Places:
    """The same for every process. ``region``, ``profile``, ``endpoint_url``: of S3; None is the machine's own."""

    catalogue: str
    store: str
    fingerprint: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    def client(self, connections: int = 16) -> Any:
        """A client of S3 with the credentials of the machine."""
        session = boto3.Session(region_name=self.region, profile_name=self.profile)
        return s3_client(session=session, endpoint_url=self.endpoint_url, connections=connections)

    def open_store(self, client: Any) -> S3Store:
        """The store of the model."""
        return S3Store(client, self.store, f"{self.fingerprint}/")
