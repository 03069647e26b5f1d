"""Files of product data as shop systems write them, for a shop of our own invention, and a short way to read such files."""

import io
from pathlib import Path
from typing import Any

from lookalike.feeds.feed import Feed, read_feed

FOLDER = Path(__file__).parent


def read(data: str | bytes, name: str = "products.csv", **options: Any) -> Feed:
    """The feed of a file with this content."""
    return read_feed(io.BytesIO(data.encode() if isinstance(data, str) else data), name, **options)


def read_file(name: str) -> Feed:
    """The feed of a file of this folder."""
    with (FOLDER / name).open("rb") as file:
        return read_feed(file, name)


def products(feed: Feed) -> dict[str, dict[str, Any]]:
    """The values of each product by its id."""
    return {product_id: feed.table.values(row) for row, product_id in enumerate(feed.table.ids)}
