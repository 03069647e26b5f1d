#!/usr/bin/env python3
"""From nothing to a first answer, in this process: what `scripts/bench.py cold` starts and times.

    scripts/benchmarks/first_answer.py '{"engine": "lookalike", ...}'

Each engine imports what it needs and no more. It prints one JSON line: rows, nearest first, how long its stages took in
milliseconds, and what it read.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Course:
    """The stages so far, in milliseconds each."""

    at: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str) -> None:
        """What has been done since the last stage was this one."""
        now = time.perf_counter()
        self.stages[f"{name}_ms"] = round((now - self.at) * 1000, 1)
        self.at = now


def lookalike(asked: dict[str, Any], course: Course) -> dict[str, Any]:
    """Ours, as the query function starts: the model is loaded while the snapshot is read."""
    from lookalike.aws import S3Store, s3_client
    from lookalike.search.knn import nearest_products
    from lookalike.store.reader import SnapshotReader
    from lookalike.store.wrappers import CountingStore

    model = _import_model(asked)
    course.stage("import")
    store = CountingStore(S3Store(s3_client(), asked["bucket"], asked["prefix"]))
    reader = SnapshotReader(store, dimensions=asked["dimensions"])
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.refresh)
        embed = model()
        snapshot = reading.result()
    course.stage("load")
    query = embed()
    course.stage("embed")
    answer = nearest_products(snapshot, query, k=asked["k"])
    course.stage("search")
    return {
        "ids": [int(neighbour.product_id) for neighbour in answer.neighbours],
        "bytes_read": store.bytes_read,
        "requests": store.requests["get"] + store.requests["get_range"],
        "lists": store.requests["list"],
        "rows_refined": answer.rows_refined,
        "rows_exact": answer.rows_exact,
    }


def sklearn(asked: dict[str, Any], course: Course) -> dict[str, Any]:
    """The original way: the whole matrix from S3, and scikit-learn. boto3 reads it by parts in ten threads."""
    import boto3
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    model = _import_model(asked)
    course.stage("import")
    embed = model()
    client = boto3.client("s3")
    requests: Counter[str] = Counter()
    client.meta.events.register("before-send.s3", lambda request, **_: requests.update([request.method]))
    file = BytesIO()
    client.download_fileobj(asked["bucket"], asked["matrix"], file)
    size = len(file.getbuffer())
    file.seek(0)
    index = NearestNeighbors(algorithm="brute").fit(np.load(file))
    course.stage("load")
    query = embed()
    course.stage("embed")
    (nearest,) = index.kneighbors(query[np.newaxis], asked["k"], return_distance=False)
    course.stage("search")
    return {"ids": nearest.tolist(), "bytes_read": size, "requests": requests.total(), "lists": 0}


def lancedb(asked: dict[str, Any], course: Course) -> dict[str, Any]:
    """A LanceDB table in the same S3, without an index."""
    import lancedb as lance

    model = _import_model(asked)
    course.stage("import")
    embed = model()
    table = lance.connect(asked["lance"], storage_options=asked["storage_options"]).open_table("vectors")
    course.stage("load")
    query = embed()
    course.stage("embed")
    answer = table.search(query).distance_type("l2").limit(asked["k"]).select(["id", "_distance"]).to_arrow()
    course.stage("search")
    return {"ids": answer["id"].to_pylist()}


def _import_model(asked: dict[str, Any]) -> Callable[[], Callable[[], Any]]:
    """What loads what gives the query: a file of it, or the model and a photo."""
    if not asked.get("image"):
        import numpy as np

        return lambda: lambda: np.load(asked["query"])
    from lookalike.photos.embedder import Embedder

    def load() -> Callable[[], Any]:
        embedder = Embedder(Path(asked["model_dir"]), threads=asked["threads"])
        return lambda: embedder.embed([Path(asked["image"]).read_bytes()])[0]

    return load


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    progress = Course()
    answered = {"lookalike": lookalike, "sklearn": sklearn, "lancedb": lancedb}[request["engine"]](request, progress)
    print(json.dumps(answered | progress.stages), flush=True)
