"""From nothing to a first answer, in this process, which `python -m scripts.bench cold` starts and times.

    python -m scripts.benchmarks.first_answer ENGINE QUERY.npy K VECTORS.npy PREFIX LAYOUT ENDPOINT_URL

It prints one JSON line: the rows of the answer, nearest first, and the engine's counts of the work, loading included.
"""

import json
import sys
from pathlib import Path

import numpy as np

from lookalike.layout import Layout
from scripts.benchmarks.engines import KINDS, Source


def main() -> None:
    name, query, k, vectors, prefix, layout, endpoint_url = sys.argv[1:]
    engine = KINDS[name].make(Source(Path(vectors), prefix, Layout.parse(layout), endpoint_url), 1)
    answer = engine.search(np.load(query), int(k))
    print(json.dumps({"ids": engine.ids(answer), "counts": engine.counts(answer)}), flush=True)


if __name__ == "__main__":
    main()
