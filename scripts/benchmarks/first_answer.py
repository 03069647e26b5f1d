"""From nothing to a first answer, in this process, which `python -m scripts.bench cold` starts and times.

    python -m scripts.benchmarks.first_answer '{"engine": "lookalike", ...}'

Each engine imports its own needs and no more. It prints one JSON line: rows, nearest first, the times of its stages in
milliseconds, and counts of the work if the engine counts.
"""

import json
import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

End = Callable[[str], None]
"""Ends a stage: the work since the end of the stage before it."""


def lookalike(request: dict[str, Any], end: End) -> dict[str, Any]:
    """Ours: what the query function loads, apart from the model."""
    import numpy as np

    from lookalike.aws import S3Store, s3_client
    from lookalike.search.knn import nearest_products
    from lookalike.store.reader import SnapshotReader
    from lookalike.store.wrappers import CountingStore

    end("import")
    store = CountingStore(S3Store(s3_client(), request["bucket"], request["prefix"]))
    query = np.load(request["query"])
    snapshot = SnapshotReader(store, dimensions=len(query)).refresh()
    end("load")
    answer = nearest_products(snapshot, query, k=request["k"])
    end("search")
    return {
        "ids": [int(neighbour.product_id) for neighbour in answer.neighbours],
        "counts": {
            "bytes_read": store.bytes_read,
            "requests": sum(store.requests.values()),
            "rows_refined": answer.rows_refined,
            "rows_exact": answer.rows_exact,
        },
    }


def sklearn(request: dict[str, Any], end: End) -> dict[str, Any]:
    """The original way: the whole matrix from S3, and scikit-learn. boto3 reads it by parts in ten threads."""
    import boto3
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    end("import")
    file = BytesIO()
    boto3.client("s3").download_fileobj(request["bucket"], request["matrix"], file)
    file.seek(0)
    index = NearestNeighbors(algorithm="brute").fit(np.load(file))
    query = np.load(request["query"])
    end("load")
    (nearest,) = index.kneighbors(query[np.newaxis], request["k"], return_distance=False)
    end("search")
    return {"ids": nearest.tolist()}


def lancedb(request: dict[str, Any], end: End) -> dict[str, Any]:
    """A LanceDB table in the same S3, without an index."""
    import lancedb as lance
    import numpy as np

    end("import")
    table = lance.connect(request["lance"], storage_options=request["storage_options"]).open_table("vectors")
    query = np.load(request["query"])
    end("load")
    answer = table.search(query).distance_type("l2").limit(request["k"]).select(["id", "_distance"]).to_arrow()
    end("search")
    return {"ids": answer["id"].to_pylist()}


def main() -> None:
    stages_ms: dict[str, float] = {}
    began = time.perf_counter()

    def end(stage: str) -> None:
        passed_ms = (time.perf_counter() - began) * 1000
        stages_ms[f"{stage}_ms"] = round(passed_ms - sum(stages_ms.values()), 1)

    request = json.loads(sys.argv[1])
    answer = {"lookalike": lookalike, "sklearn": sklearn, "lancedb": lancedb}[request["engine"]](request, end)
    print(json.dumps({"counts": {}} | answer | stages_ms), flush=True)


if __name__ == "__main__":
    main()
