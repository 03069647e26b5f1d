"""The local stack over a small catalogue, for tests that speak HTTP with it."""

import io
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from tests.tiny_model import write_tiny_model

COLOURS: Mapping[str, tuple[int, int, int]] = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}
"""The products, of one photo each."""

DATA = """id,title,price,link,brand,colour,availability,tags
red,Red Shirt,19.90 EUR,https://shop.example/red,Acme,Red,in stock,"linen, new"
green,Green Shirt,29.90 EUR,https://shop.example/green,Acme,Green,in stock,new
blue,Blue Shirt,,https://shop.example/blue,Other,Blue,out of stock,
bare,Without a photo,9.90 EUR,,,,in stock,
,Without an id,9.90 EUR,,,,in stock,
"""
"""Product data: of the products, of one without a photo, and a row that names none."""

_STALENESS_S = 1


def photo(colour: tuple[int, int, int], kind: str = "PNG") -> bytes:
    """A photo of one colour, which is all that the model sees."""
    file = io.BytesIO()
    Image.new("RGB", (40, 60), colour).save(file, kind)
    return file.getvalue()


@contextmanager
def local_api(folder: Path) -> Iterator[LocalStack]:
    """The stack with its functions from their sources, the products of ``COLOURS`` with ``DATA``, and a product ``torn`` that was rejected."""
    model_dir = write_tiny_model(folder / "model", output={"l2_normalise": True})
    options = {"log_dir": folder / "logs", "parameters": {"MaxStalenessSeconds": str(_STALENESS_S)}, "window_s": 1}
    with LocalStack(launcher=from_sources(model_dir), **options) as stack:
        photos = {name: photo(colour) for name, colour in COLOURS.items()} | {"torn": b"no photo"}
        for name, body in photos.items():
            stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=f"images/{name}.png", Body=body)
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="products/feed.csv", Body=DATA.encode())
        until = time.monotonic() + 60
        while not _has(stack, len(COLOURS), 1):
            assert time.monotonic() < until, "photos and product data were not ingested in time"
            time.sleep(0.1)
        time.sleep(_STALENESS_S + 0.2)  # the other process of the query function may still have the catalogue of before
        yield stack


def _has(stack: LocalStack, photos: int, rejected: int) -> bool:
    with urllib.request.urlopen(f"{stack.url}/api/health", timeout=30) as answer:
        health = json.load(answer)
    return (health["photos"], health["rejected"], health["data"]["files"]) == (photos, rejected, 1)
