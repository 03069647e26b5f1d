"""A client of S3 in memory: what the commands of a merchant ask of it, and no more."""

import hashlib
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


class FakeS3:
    """Objects by bucket and key. ``calls`` counts them by name; keys in ``broken`` are refused. Safe for threads."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.broken: set[str] = set()
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.meta = SimpleNamespace(events=SimpleNamespace(register_last=lambda *_, **__: None))
        self._lock = threading.Lock()

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for name, key in self.objects if name == bucket and key.startswith(prefix))

    def called(self, call: str) -> list[str]:
        """The keys of the calls of one kind."""
        return [key for name, key in self.calls if name == call]

    def _called(self, call: str, key: str) -> None:
        with self._lock:
            self.calls.append((call, key))
        if key in self.broken:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "refused"}}, call)

    def put_object(
        self, *, Bucket: str, Key: str, Body: Any, ContentType: str = "", Metadata: dict[str, str] | None = None
    ) -> None:
        self._called("put", Key)
        data = Body if isinstance(Body, bytes) else Body.read()
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.objects[Bucket, Key] = {
            "data": data,
            "ETag": f'"{etag}"',
            "ContentType": ContentType,
            "Metadata": Metadata or {},
            "LastModified": self.now,
        }

    def head_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:
        self._called("head", Key)
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return self.objects[Bucket, Key]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._called("get", Key)
        return self.objects[Bucket, Key] | {"Body": io.BytesIO(self.objects[Bucket, Key]["data"])}

    def copy_object(self, *, Bucket: str, Key: str, CopySource: dict[str, str], **headers: Any) -> None:
        self._called("copy", Key)
        source = self.objects[CopySource["Bucket"], CopySource["Key"]]
        kept = {name: headers[name] for name in ("ContentType", "Metadata")}
        self.objects[Bucket, Key] = source | kept | {"LastModified": self.now}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        errors = []
        for item in Delete["Objects"]:
            try:
                self._called("delete", item["Key"])
                self.objects.pop((Bucket, item["Key"]), None)
            except ClientError as error:
                errors.append({"Key": item["Key"], **error.response["Error"]})
        return {"Errors": errors} if errors else {}

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self._called("delete", Key)
        self.objects.pop((Bucket, Key), None)

    def get_paginator(self, call: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, f"_{call}"))

    def _list_objects_v2(self, *, Bucket: str, Prefix: str = "") -> Iterator[dict[str, Any]]:
        keys = self.keys(Bucket, Prefix)
        for start in range(0, len(keys), 2):  # small pages: a listing has more than one
            yield {
                "Contents": [
                    {
                        "Key": key,
                        "Size": len(self.objects[Bucket, key]["data"]),
                        **{name: self.objects[Bucket, key][name] for name in ("ETag", "LastModified")},
                    }
                    for key in keys[start : start + 2]
                ]
            }
