"""Search among the products that a filter allows, beside the search among all of them, and count facets.

Every product has made-up data of a shop: texts, numbers and a list. A filter of a number allows a share of the products, at random.
Each query is answered for every share in turn, with the filter evaluated anew each time.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from lookalike.aws import S3Store, s3_client
from lookalike.search.facets import facets
from lookalike.search.filters import Filters
from lookalike.search.knn import Answer, nearest_products
from lookalike.search.view import ProductView
from lookalike.store.reader import SnapshotReader
from lookalike.store.stored_segment import StoredSegment
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Table
from scripts.benchmarks.agreement import expected, share_equal
from scripts.benchmarks.data import Data, Floats
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.results import Result, median_counts, percentile
from scripts.benchmarks.search import datasets, scratch
from scripts.benchmarks.stores import bench_s3, build
from scripts.common.progress import Progress

SHARES: Final = (1.0, 0.01, 0.1, 0.5, 0.99)
_WARM_UP: Final = 5
_CHECKED: Final = 10  # queries of each share that scikit-learn answers, too
_FACETS: Final = ((), ("colour:colour 3",), ("price:10..30", "colour:colour 3,colour 4", "gender:women"))
_COUNTED: Final = 20  # times that facets are counted


def run(options: argparse.Namespace) -> Iterator[Result]:
    """A line for each share of each data set, and for each set of filters that facets are counted under. Raises BenchError."""
    with scratch() as folder, bench_s3():
        for data in datasets(options, folder):
            build(data, f"{data.path.stem}/")
            yield from measured(data, _view(data), options)


def measured(data: Data, view: ProductView, options: argparse.Namespace) -> Iterator[Result]:
    """Lines of one data set, whose products are the numbers of its rows."""
    clock = time.process_time if options.processor_time else time.perf_counter
    labels = {"bench": "filters", **data.labels(), "clock": "processor" if options.processor_time else "wall"}
    answers: dict[float, list[Answer]] = {share: [] for share in SHARES}
    times: dict[float, list[float]] = {share: [] for share in SHARES}
    with Progress(len(data.queries), "answered", "queries") as progress:
        for number, query in enumerate([*data.queries[:_WARM_UP], *data.queries]):
            for share in SHARES:
                started = clock()
                answer = _search(view, query, share, options.k)
                if number >= _WARM_UP:
                    times[share].append((clock() - started) * 1000)
                    answers[share].append(answer)
            progress.step(number >= _WARM_UP)
    unfiltered = percentile(times[1.0], 50)
    for share in SHARES:
        p50 = percentile(times[share], 50)
        yield {
            **labels,
            "share": share,
            "p50_ms": p50,
            "p99_ms": percentile(times[share], 99),
            "times_unfiltered": round(p50 / unfiltered, 3),
            "ids_equal_sklearn": _agreement(data, view, share, answers[share][:_CHECKED], options.k),
            **median_counts([{"rows_scanned": of.rows_scanned, "rows_exact": of.rows_exact} for of in answers[share]]),
        }
    for texts in _FACETS:
        filters = Filters.parse(texts)
        first, *later = (_timed(lambda: facets(view, filters, hide=True), clock) for _ in range(1 + _COUNTED))  # noqa: B023
        yield {
            **labels,
            "bench": "facets",
            "filters": len(texts),
            "attributes": len(facets(view, filters, hide=True).facets),
            "first_ms": round(first, 3),
            "p50_ms": percentile(later, 50),
            "p99_ms": percentile(later, 99),
        }


def shop_data(products: int) -> Table:
    """Made-up data of products numbered from 0 on. ``group``: a number from 0 to 1, at random."""
    rng = np.random.default_rng(0)
    groups, prices = rng.random(products).tolist(), np.round(rng.lognormal(3, 1, products), 2).tolist()
    kinds = np.minimum(rng.pareto(0.5, products), 140).astype(int).tolist()
    colours = rng.integers(0, 12, products).tolist()
    builder = TableBuilder()
    for number, (group, price, kind, colour) in enumerate(zip(groups, prices, kinds, colours, strict=True)):
        builder.add(
            str(number),
            {
                "name": f"Product {number}",
                "link": f"https://shop.example/products/{number}",
                "price": price,
                "currency": "EUR",
                "availability": "out_of_stock" if number % 10 == 0 else "in_stock",
                "brand": f"brand {7 * number % 300}",
                "article_type": f"type {kind}",
                "colour": f"colour {colour}",
                "gender": "women" if number % 5 < 3 else "men",
                "season": f"season {number % 4}",
                "year": 2010.0 + number % 8,
                "usage": f"usage {kind % 9}",
                "tags": (f"tag {number % 20}", f"look {number % 7}"),
                "group": group,
            },
        )
    return builder.build()


def _view(data: Data) -> ProductView:
    """A store's snapshot with all embeddings in memory, and data of all products."""
    snapshot = SnapshotReader(S3Store(s3_client(), BUCKET, f"{data.path.stem}/"), layout=data.layout).refresh()
    for shard in snapshot.shards:
        if isinstance(shard.segment, StoredSegment):
            shard.segment.make_resident()
    return ProductView.of(snapshot, shop_data(len(data.vectors)))


def _search(view: ProductView, query: Floats, share: float, k: int) -> Answer:
    mask = view.mask(_filter(share) if share < 1 else Filters())
    return nearest_products(view.snapshot, query, k=k, allowed=None if mask is None else view.allowed(mask))


def _filter(share: float) -> Filters:
    return Filters.parse([f"group:..{share}"])


def _agreement(data: Data, view: ProductView, share: float, answers: list[Answer], k: int) -> str | None:
    """How many answers are scikit-learn's among the rows that pass."""
    weighted = data.weighted()
    passes = np.ones(len(data.vectors), bool)
    if share < 1:
        passes[[int(product) for product in view.table.ids]] = _filter(share).mask(view.table)
    rows = np.flatnonzero(passes)
    allowed, queries = weighted.vectors[rows], weighted.queries[: len(answers)]
    place = np.zeros(len(passes), np.int64)
    place[rows] = np.arange(len(rows))
    ids = [[int(place[int(near.product_id)]) for near in answer.neighbours] for answer in answers]
    return share_equal(ids, expected(allowed, queries, k), allowed, queries, has_keys=True)


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return (clock() - started) * 1000
