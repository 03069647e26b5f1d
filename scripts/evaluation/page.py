"""A page with pictures: queries with their answers, the worst first. One HTML file that needs no other."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

import numpy as np

from lookalike.errors import ImageError
from scripts.common.progress import Progress
from scripts.evaluation.data import LabelledCatalogue, Numbers, QueryPhoto
from scripts.evaluation.features import open_picture
from scripts.evaluation.run import Outcome, Photographed, Plan, Stored
from scripts.evaluation.table import cell

STORED: Final = 150
"""Stored products that the page shows at most."""
MISSED: Final = 8
"""Query photos of each kind that the page shows at most: those whose product is not among the answers."""

_LONGEST: Final = 112  # pixels: about 3 kB a picture, 5 MB a page
_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #ddd }
.query { display: flex; gap: .8rem; padding: .8rem 0; border-bottom: 1px solid #ddd; overflow-x: auto }
figure { margin: 0; width: 8rem; flex: none; font-size: 12px; overflow-wrap: anywhere }
figure:first-child { margin-right: 1.2rem }
img { height: 7rem; max-width: 8rem; object-fit: contain; display: block }
.same { color: #14662b } .other { color: #a3231f }
"""


def page(title: str, catalogue: LabelledCatalogue, outcome: Outcome, plan: Plan) -> str:
    """The page. ``title``: a line that says what was evaluated."""
    drawer = _Drawer(catalogue, plan.attributes)
    body = [f"<h1>{escape(title)}</h1>", *_results(outcome)]
    if outcome.stored:
        body += _stored(drawer, outcome.stored, plan)
    for photographed in outcome.photographed:
        body += _missed(drawer, photographed)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(body) + "\n</body></html>\n"


class _Drawer:
    """Makes figures of products: each picture is reduced once."""

    def __init__(self, catalogue: LabelledCatalogue, attributes: Sequence[str]) -> None:
        self.catalogue = catalogue
        columns = dict.fromkeys(catalogue.column(name) for attribute in attributes for name in attribute.split("+"))
        self._values = {column: catalogue.values(column) for column in columns}
        self._pictures: dict[int, str] = {}

    def product(self, number: int, query: int | None = None, distance: float | None = None) -> str:
        """A figure of a product. ``query``: the product whose values its own are compared with."""
        if number < 0:
            return "<figure>A product without labels here</figure>" if distance is not None else ""
        if number not in self._pictures:
            self._pictures[number] = picture(QueryPhoto(self.catalogue.first_photos[number].read()))
        labels = self.catalogue.first_photos[number].labels
        lines = [f"<b>{escape(labels.get('name', self.catalogue.products[number]))}</b>"]
        for column, values in self._values.items():
            text = escape(labels.get(column, "-"))
            if query is None:
                lines.append(text)
            else:
                kind = "same" if values[number] == values[query] >= 0 else "other"
                lines.append(f'<span class="{kind}">{text}</span>')
        if distance is not None:
            lines.append(f"{distance:.3f}")
        return f"<figure>{self._pictures[number]}{'<br>'.join(lines)}</figure>"

    def answers(self, products: Numbers, distances: Iterable[float], query: int) -> str:
        """Figures of all answers to a query."""
        found = zip(products.tolist(), distances, strict=True)
        return "".join(self.product(number, query, distance) for number, distance in found if np.isfinite(distance))


def picture(photo: QueryPhoto) -> str:
    """A photo, reduced, as an element that holds its bytes."""
    try:
        small = open_picture(photo)
    except ImageError:
        return "<p>(a photo that cannot be read)</p>"
    small.thumbnail((_LONGEST, _LONGEST))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=75, optimize=True)
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}">'


def _results(outcome: Outcome) -> Iterator[str]:
    systems = list(dict.fromkeys(result.system for result in outcome.results))
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for result in outcome.results:
        lines.setdefault((result.measure, result.of), {})[result.system] = cell(result.estimate)
    yield "<table><tr><th>" + "<th>".join(map(escape, ["measure", "of", *systems]))
    for names, cells in lines.items():
        yield "<tr><td>" + "<td>".join(map(escape, [*names, *(cells.get(system, "") for system in systems)]))
    yield "</table>"


def _stored(drawer: _Drawer, stored: Stored, plan: Plan) -> Iterator[str]:
    by_attribute = np.array(list(stored.values.values()))
    values = np.nan_to_num(by_attribute).mean(axis=0) if len(by_attribute) else np.zeros(len(stored.products))
    worst = np.argsort(values, kind="stable")[:STORED]
    yield f"<h2>Products and the {plan.k} most like them, the worst first</h2>"
    yield f"<p>{len(worst):,} of {len(stored.products):,}, by the mean of {escape(', '.join(plan.attributes) or 'nothing')}.</p>"
    with Progress(len(worst), "drawing the page", "queries") as progress:
        for place in worst.tolist():
            query = int(stored.products[place])
            found = drawer.answers(stored.answers.products[place], stored.answers.distances[place], query)
            yield f'<div class="query">{drawer.product(query)}{found}</div>'
            progress.step()


def _missed(drawer: _Drawer, photographed: Photographed) -> Iterator[str]:
    missing = np.flatnonzero((photographed.answers.products != photographed.products[:, np.newaxis]).all(axis=1))
    if not len(missing):
        return
    yield f"<h2>Not found: {escape(photographed.photos.name)}</h2>"
    yield f"<p>{len(missing):,} of {len(photographed.products):,}. The query, the product that should be found, and the answers.</p>"
    for place in missing[:MISSED].tolist():
        product = int(photographed.products[place])
        found = photographed.answers
        answers = drawer.answers(found.products[place], found.distances[place], product)
        query = picture(photographed.photos.loads[place]())
        yield f'<div class="query"><figure>{query}</figure>{drawer.product(product)}{answers}</div>'
