"""From nothing to a first answer, in this process, which `python -m scripts.bench cold` starts and times.

    python -m scripts.benchmarks.first_answer '{"engine": "lookalike", ...}'

Each engine imports its own needs and no more. It prints one JSON line: rows, nearest first, and the times of its stages in
milliseconds.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Stages:
    """The time of each stage so far, in milliseconds."""

    at: float = field(default_factory=time.perf_counter)
    times: dict[str, float] = field(default_factory=dict)

    def end(self, name: str) -> None:
        """End a stage: the work since the end of the last one."""
        now = time.perf_counter()
        self.times[f"{name}_ms"] = round((now - self.at) * 1000, 1)
        self.at = now


def lookalike(request: dict[str, Any], stages: Stages) -> dict[str, Any]:
    """Ours, as the query function starts: the model is loaded while the snapshot is read."""
    from lookalike.aws import S3Store, s3_client
    from lookalike.search.knn import nearest_products
    from lookalike.store.reader import SnapshotReader

    model = _import_model(request)
    stages.end("import")
    store = S3Store(s3_client(), request["bucket"], request["prefix"])
    reader = SnapshotReader(store, dimensions=request["dimensions"])
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.refresh)
        embed = model()
        snapshot = reading.result()
    stages.end("load")
    query = embed()
    stages.end("embed")
    answer = nearest_products(snapshot, query, k=request["k"])
    stages.end("search")
    return {
        "ids": [int(neighbour.product_id) for neighbour in answer.neighbours],
        "rows_refined": answer.rows_refined,
        "rows_exact": answer.rows_exact,
    }


def sklearn(request: dict[str, Any], stages: Stages) -> dict[str, Any]:
    """The original way: the whole matrix from S3, and scikit-learn. boto3 reads it by parts in ten threads."""
    import boto3
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    model = _import_model(request)
    stages.end("import")
    embed = model()
    client = boto3.client("s3")
    file = BytesIO()
    client.download_fileobj(request["bucket"], request["matrix"], file)
    file.seek(0)
    index = NearestNeighbors(algorithm="brute").fit(np.load(file))
    stages.end("load")
    query = embed()
    stages.end("embed")
    (nearest,) = index.kneighbors(query[np.newaxis], request["k"], return_distance=False)
    stages.end("search")
    return {"ids": nearest.tolist()}


def lancedb(request: dict[str, Any], stages: Stages) -> dict[str, Any]:
    """A LanceDB table in the same S3, without an index."""
    import lancedb as lance

    model = _import_model(request)
    stages.end("import")
    embed = model()
    table = lance.connect(request["lance"], storage_options=request["storage_options"]).open_table("vectors")
    stages.end("load")
    query = embed()
    stages.end("embed")
    answer = table.search(query).distance_type("l2").limit(request["k"]).select(["id", "_distance"]).to_arrow()
    stages.end("search")
    return {"ids": answer["id"].to_pylist()}


def _import_model(request: dict[str, Any]) -> Callable[[], Callable[[], Any]]:
    """Loads the source of the query: its file, or the model and a photo."""
    if not request.get("image"):
        import numpy as np

        return lambda: lambda: np.load(request["query"])
    from lookalike.photos.embedder import Embedder

    def load() -> Callable[[], Any]:
        embedder = Embedder(Path(request["model_dir"]), threads=request["threads"])
        return lambda: embedder.embed([Path(request["image"]).read_bytes()])[0]

    return load


def main() -> None:
    request, stages = json.loads(sys.argv[1]), Stages()
    answer = {"lookalike": lookalike, "sklearn": sklearn, "lancedb": lancedb}[request["engine"]](request, stages)
    print(json.dumps(answer | stages.times), flush=True)


if __name__ == "__main__":
    main()
