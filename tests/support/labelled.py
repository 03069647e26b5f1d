"""Small labelled catalogues: plain squares of colour whose right answers are known."""

import csv
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (40, 60, 200)}


def square(colour: tuple[int, int, int], shade: int = 0) -> bytes:
    """A JPEG of a square on white, a little darker for each shade."""
    photo = Image.new("RGB", (60, 80), "white")
    ImageDraw.Draw(photo).rectangle((10, 15, 49, 64), fill=tuple(max(0, level - 4 * shade) for level in colour))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=95)
    return file.getvalue()


def write_labelled(folder: Path, each: int = 4) -> tuple[Path, Path]:
    """A zip of ``each`` squares of every colour, and its CSV: id, name, colour, number (each once), shop (all the same)."""
    photos, labels = folder / "photos.zip", folder / "labels.csv"
    rows: list[Iterable[object]] = [("id", "name", "colour", "number", "shop")]
    with zipfile.ZipFile(photos, "w") as archive:
        for number, (name, colour) in enumerate(COLOURS.items()):
            for shade in range(each):
                product = f"{name}-{shade}"
                archive.writestr(f"{product}.jpg", square(colour, shade))
                rows.append((product, f"<b>{product}</b> & more", name, 100 * number + shade, "ours"))
    with labels.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return photos, labels
