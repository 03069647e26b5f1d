"""Parsers of command lines, and types for ``add_argument(type=...)``."""

import argparse
import math
from pathlib import Path
from typing import Final

BUCKET_VARIABLE: Final = "CATALOGUE_BUCKET"
STORE_BUCKET_VARIABLE: Final = "STORE_BUCKET"
"""Variables that name the buckets of a stack that CloudFormation does not know, such as the local one."""


def command_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of `python -m scripts.NAME`. ``description``: the module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m scripts.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_label_options(parser: argparse.ArgumentParser) -> None:
    """The options about labels, for every command that reads a catalogue."""
    parser.add_argument("--labels", type=Path, help="CSV file about the products, or the path of one among the photos")
    parser.add_argument(
        "--id-column", metavar="NAME", help="its column that names the product (id, product_id, sku, ...)"
    )


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def above_zero(text: str) -> float:
    """A finite number above 0."""
    value = not_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def not_negative(text: str) -> float:
    """A finite number from 0 on, such as 0.5 or 1e6."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return value
