#!/usr/bin/env python3
"""Measure how well the answers fit, on any labelled catalogue, beside baselines in the same run.

    python -m scripts.evaluate --photos photos.zip --labels products.csv --pairs articleType+baseColour
    python -m scripts.evaluate --photos photos.zip --labels products.csv --other-photos phone.zip --page evaluation.html
    python -m scripts.evaluate --photos photos.zip --labels products.csv --api http://127.0.0.1:8000

    precision@k    of each product's k nearest others, the share with its label
    first, in      the product of a photo among the answers to that photo cropped, turned, blurred, dark, compressed, on
    the first 5    another background, small in a frame, on clutter; and to --other-photos of the product
    ROC AUC        how surely the nearest distance tells products that the catalogue lacks from pictures of other things

Each number has a 95 % interval by the bootstrap over queries; ± is half its width. Columns: Lookalike, each part of its
embedding alone, the mean colour, and random rows. The first part alone is the way of the original: one network, and plain
Euclidean neighbours. With --api queries go to a running Lookalike that serves these photos, and there is one column.

Choices (weights, descriptors, models) are made with --half choose and reported with --half report: those products are the
queries, and all of the catalogue is searched. Embeddings are kept in --cache; a run that is stopped goes on where it was.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lookalike.errors import LookalikeError
from scripts.common.arguments import add_label_options, at_least_one, command_parser
from scripts.common.catalogue import Photo, open_catalogue
from scripts.common.labels import InputError, number
from scripts.common.paths import MODEL, ROOT
from scripts.evaluation.by_http import Address
from scripts.evaluation.data import LabelledCatalogue
from scripts.evaluation.features import ModelFeatures
from scripts.evaluation.in_process import InProcess, parts_of
from scripts.evaluation.page import page
from scripts.evaluation.run import MEASURES, Evaluation, Outcome, Plan
from scripts.evaluation.sheet import sheet
from scripts.evaluation.table import table

CACHE: Final = ROOT / "build" / "evaluation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 2 if it cannot be run."""
    options = _parser().parse_args(arguments)
    try:
        evaluate(options)
    except (InputError, LookalikeError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def evaluate(options: argparse.Namespace) -> None:
    """Measure, print, and write what is asked for. Raises InputError, LookalikeError, OSError."""
    with open_catalogue(options.photos, options.labels, options.id_column) as opened:
        print(opened.report, file=sys.stderr)
        catalogue = LabelledCatalogue(opened.photos)
        plan = _plan(options, catalogue)
        if options.other_photos:
            with open_catalogue(options.other_photos) as others:
                _evaluate(options, catalogue, plan, others.photos)
        else:
            _evaluate(options, catalogue, plan, ())


def _plan(options: argparse.Namespace, catalogue: LabelledCatalogue) -> Plan:
    attributes = options.attributes or catalogue.useful_attributes()
    if not attributes:
        raise InputError(
            "The products have no label that several of them share, so there is nothing to compare. Name a CSV file with such "
            "columns: --labels products.csv."
        )
    for attribute in [*attributes, *options.pairs]:
        catalogue.values(attribute)  # raises InputError before anything is embedded
    stored = options.stored or (options.queries if options.api else None)
    names = [*attributes, *options.pairs]
    return Plan(names, options.measures, options.half, options.k, options.queries, stored, options.seed)


def _evaluate(options: argparse.Namespace, catalogue: LabelledCatalogue, plan: Plan, others: Sequence[Photo]) -> None:
    about: dict[str, Any]
    if options.api:
        address = Address(options.api, catalogue.products, weights=options.weights)
        outcome = Evaluation(address, catalogue, plan).run(others)
        about = {"address": options.api, "weights": options.weights, "times_ms": address.percentiles_ms()}
    else:
        model = ModelFeatures(options.model, threads=options.threads)
        try:
            factors = factors_of(options.weights)
            about = {"model": model.name, "parts": parts_of(model.layout, factors)}
        except ValueError as error:
            raise InputError(f"--weights {options.weights}: {error}") from error
        engine = InProcess(catalogue, model, factors, options.cache)
        catalogue = engine.catalogue
        if engine.refused:
            print(f"{number(engine.refused, 'photo')} refused by the model and left out.", file=sys.stderr)
        outcome = Evaluation(engine, catalogue, plan).run(others)
    about |= {"photos": len(catalogue.photos), "products": len(catalogue.products), "half": plan.half, "k": plan.k}
    _write(options, catalogue, plan, outcome, about)


def _write(
    options: argparse.Namespace, catalogue: LabelledCatalogue, plan: Plan, outcome: Outcome, about: dict[str, Any]
) -> None:
    """Print the results, and write the page and the sheet."""
    if options.json:
        print(json.dumps(about | {"results": [result.document() for result in outcome.results]}))
    else:
        print("\n".join(f"{name}: {_words(value)}" for name, value in about.items()))
        print(f"\n{table(outcome.results)}")
    if options.page:
        title = f"{options.photos.name}: {number(len(catalogue.products), 'product')}, queries: {plan.half}"
        options.page.write_text(page(title, catalogue, outcome, plan), encoding="utf-8")
        print(f"The page is {options.page}.", file=sys.stderr)
    if options.sheet and outcome.stored:
        options.sheet.write_bytes(sheet(catalogue, outcome.stored, plan))
        print(f"The sheet is {options.sheet}.", file=sys.stderr)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{part['name']} ({part['dimensions']} dimensions, weight {part['weight']:g})" for part in value
        )
    return ", ".join(f"{name} {item}" for name, item in value.items()) if isinstance(value, dict) else str(value)


def factors_of(text: str) -> dict[str, float]:
    """Factors on default weights: ``colour:2,shape:0.5``. Raises ValueError."""
    factors = {}
    for item in filter(None, text.split(",")):
        name, separator, factor = item.partition(":")
        if not separator:
            raise ValueError(f"{item} has no factor. Write colour:2,shape:0.5.")
        factors[name.strip()] = float(factor)
    return factors


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("--photos", type=Path, required=True, help="the catalogue: a folder or zip of photos")
    add_label_options(parser)
    parser.add_argument(
        "--other-photos", type=Path, metavar="PHOTOS", help="other photos of its products, to search with"
    )
    parser.add_argument("--attributes", type=_names, metavar="A,B", help="columns to measure by (all that are useful)")
    parser.add_argument("--pairs", type=_names, default=[], metavar="A+B,C+D", help="columns that must agree together")
    parser.add_argument("--measures", nargs="+", choices=MEASURES, default=MEASURES, help="only some measures (all)")
    parser.add_argument("-k", "--k", type=at_least_one, default=5, metavar="N", help="answers to a stored product (5)")
    parser.add_argument(
        "--queries", type=at_least_one, default=500, metavar="N", help="photos to search with, of each kind (500)"
    )
    parser.add_argument(
        "--stored", type=at_least_one, metavar="N", help="stored products to search with (all; with --api as --queries)"
    )
    parser.add_argument(
        "--half", choices=("all", "choose", "report"), default="all", help="the products that are queries (all)"
    )
    parser.add_argument("--weights", default="", metavar="PART:FACTOR,...", help="factors on the default weights")
    parser.add_argument("--api", metavar="ADDRESS", help="search by HTTP, with the Lookalike at this address")
    parser.add_argument(
        "--model", type=Path, default=MODEL, metavar="FOLDER", help="the model to embed with (build/model)"
    )
    parser.add_argument(
        "--threads", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help="to embed with (all)"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, metavar="FOLDER", help="where embeddings are kept (build/evaluation)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all choices: the same seed, the same queries (0)")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument(
        "--page", type=Path, metavar="FILE.html", help="write queries with their answers, the worst first"
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.jpg", help="write a picture of 12 queries with their answers"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
