"""The local S3 by itself, for benchmarks that need objects and no functions."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from scripts.local import resources
from scripts.local.http_server import listen


@contextlib.contextmanager
def local_s3(*buckets: str) -> Iterator[str]:
    """An S3 in a process of its own with these buckets, empty: its endpoint URL."""
    with contextlib.ExitStack() as undo:
        socket = undo.enter_context(listen(0))
        undo.enter_context(contextlib.closing(resources.start(socket, Path(os.devnull))))
        endpoint_url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        for bucket in buckets:
            resources.client("s3", endpoint_url).create_bucket(Bucket=bucket)
        yield endpoint_url
