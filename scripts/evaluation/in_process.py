"""Answers computed in this process, from a model folder and photos, beside those of baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from lookalike.layout import Layout, Weights
from scripts.common.progress import Progress
from scripts.evaluation.data import LabelledCatalogue, Numbers, PhotoSet, photo_set
from scripts.evaluation.embeddings import Features, embed
from scripts.evaluation.engine import OURS
from scripts.evaluation.features import MeanColour, RandomRows
from scripts.evaluation.neighbours import Answers, Index, Queries

ORIGINAL: Final = ", as the original"
"""Behind the name of the one network that the original searched, plainly, by Euclidean distance."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Features, the catalogue's index of them, and the systems that weigh them."""

    features: Features
    index: Index
    weightings: Mapping[str, Weights]


class InProcess:
    """An engine over all parts of a model, each part alone, the mean colour and random rows.

    ``factors``: on the default weights of the model's parts. Photos that the model refuses are left out of ``catalogue``.
    Raises InputError, and ValueError for impossible factors.
    """

    def __init__(
        self, catalogue: LabelledCatalogue, model: Features, factors: Mapping[str, float], cache: Path | None
    ) -> None:
        self._cache = cache
        photos = photo_set("the catalogue", catalogue.photos)
        rows = embed(model, photos, cache)
        usable = np.isfinite(rows).all(axis=1)
        self.refused = int((~usable).sum())
        self.catalogue = catalogue.only(usable) if self.refused else catalogue
        product_of = self.catalogue.product_of
        index = Index(model.layout, rows[usable], product_of)
        self._sources = [_Source(model, index, weightings(model.layout, factors))]
        baselines: tuple[Features, ...] = (MeanColour(), RandomRows())
        for baseline in baselines:
            rows = embed(baseline, photos, cache)[usable]
            index = Index(baseline.layout, np.where(np.isfinite(rows), rows, 0), product_of)
            self._sources.append(_Source(baseline, index, {baseline.name: baseline.layout.weights}))

    def has(self, products: Numbers) -> Numbers:
        """All of them."""
        return products

    def similar(self, products: Numbers, *, k: int) -> dict[str, Answers]:
        """The answers of each system to the stored photos of products, without the products themselves."""
        product_of = self._sources[0].index.product_of
        rows = np.flatnonzero(np.isin(product_of, products))
        query_of = np.searchsorted(products, product_of[rows])
        found: dict[str, Answers] = {}
        with Progress(len(self._sources) * len(products), "comparing products", "queries") as progress:
            for source in self._sources:
                queries = Queries(source.index.rows[rows], query_of, products)
                found |= source.index.nearest(queries, source.weightings, k=k, progress=progress)
        return found

    def search(self, photos: PhotoSet, *, k: int, excluded: Numbers | None = None) -> dict[str, Answers]:
        """The answers of each system to photos. ``excluded``: a product for each that is no answer, or -1."""
        found: dict[str, Answers] = {}
        for source in self._sources:
            rows = embed(source.features, photos, self._cache)
            usable = np.flatnonzero(np.isfinite(rows).all(axis=1))
            queries = Queries.of_one_row(rows[usable], None if excluded is None else excluded[usable])
            for name, answers in source.index.nearest(queries, source.weightings, k=k).items():
                found[name] = Answers.none(len(photos), k)
                found[name].products[usable], found[name].distances[usable] = answers.products, answers.distances
        return found


def weightings(layout: Layout, factors: Mapping[str, float]) -> dict[str, Weights]:
    """The weights of our system, and of each part alone. Raises ValueError."""
    found = {OURS: layout.weights_by(factors)}
    if len(layout.parts) > 1:
        for number, name in enumerate(layout.names):
            alone = np.zeros(len(layout.parts))
            alone[number] = 1
            found[f"{name} alone{'' if number else ORIGINAL}"] = alone
    return found


def parts_of(layout: Layout, factors: Mapping[str, float]) -> Sequence[Mapping[str, object]]:
    """The parts with the weights that are evaluated, for results."""
    weights = layout.weights_by(factors).tolist()
    return [
        {"name": part.name, "dimensions": part.dimensions, "weight": weight}
        for part, weight in zip(layout.parts, weights, strict=True)
    ]
