"""The local S3 by itself, for what needs objects and no functions."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.local import resources
from scripts.local.http_server import listen
from scripts.local.lifeline import Child, python

_LARGEST_IN_MEMORY: Final = 1024**3


@contextlib.contextmanager
def local_s3(*buckets: str) -> Iterator[str]:
    """An S3 in a process of its own with these buckets, empty: its endpoint URL."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    # In memory, where a range costs what it holds: from a file, moto reads the whole object for every range of it.
    environment["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(_LARGEST_IN_MEMORY)
    command = python("scripts.local.aws_server")
    with contextlib.ExitStack() as undo:
        socket = undo.enter_context(listen(0))
        log = undo.enter_context(Path(os.devnull).open("wb"))
        child = Child(
            [*command, "--listener", str(socket.fileno())], log=log, env=environment, passed=(socket.fileno(),)
        )
        undo.callback(child.close)
        endpoint_url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        for bucket in buckets:
            resources.client("s3", endpoint_url).create_bucket(Bucket=bucket)
        yield endpoint_url
