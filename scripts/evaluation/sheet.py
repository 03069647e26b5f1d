"""A picture of some queries with their answers, a row each."""

import io

import numpy as np
from PIL import Image

from scripts.evaluation.data import LabelledCatalogue, QueryPhoto, sample
from scripts.evaluation.features import open_picture
from scripts.evaluation.run import Plan, Stored

ROWS = 12

_WIDTH, _HEIGHT, _GAP = 105, 140, 8


def sheet(catalogue: LabelledCatalogue, stored: Stored, plan: Plan) -> bytes:
    """A JPEG: 12 queries, chosen at random, in the left column, and right of each its answers, nearest first."""
    places = sample(np.arange(len(stored.products)), ROWS, plan.seed)
    columns = 1 + stored.answers.products.shape[1]
    canvas = Image.new("RGB", (columns * (_WIDTH + _GAP) + 3 * _GAP, len(places) * (_HEIGHT + _GAP) + _GAP), "white")
    for row, place in enumerate(places.tolist()):
        numbers = [int(stored.products[place]), *stored.answers.products[place].tolist()]
        for column, number in enumerate(numbers):
            if number >= 0:
                photo = open_picture(QueryPhoto(catalogue.first_photos[number].read()))
                photo.thumbnail((_WIDTH, _HEIGHT))
                left = _GAP + column * (_WIDTH + _GAP) + (2 * _GAP if column else 0)
                top = _GAP + row * (_HEIGHT + _GAP)
                canvas.paste(photo, (left + (_WIDTH - photo.width) // 2, top + (_HEIGHT - photo.height) // 2))
    line = _GAP + _WIDTH + _GAP // 2 + _GAP
    canvas.paste("#999999", (line, _GAP, line + 1, canvas.height - _GAP))
    file = io.BytesIO()
    canvas.save(file, "JPEG", quality=85, optimize=True)
    return file.getvalue()
