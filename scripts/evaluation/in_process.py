"""Answers computed in this process, from a model folder and photos, beside those of baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Layout, Weights
from lookalike.search.match import MatchScale, match_scale
from lookalike.store.neighbours import Sampler
from scripts.common.labels import InputError
from scripts.common.progress import Progress
from scripts.evaluation.data import LabelledCatalogue, Numbers, PhotoSet, photo_set, sample
from scripts.evaluation.embeddings import Features, embed
from scripts.evaluation.engine import OURS
from scripts.evaluation.features import MeanColour, RandomRows
from scripts.evaluation.neighbours import Answers, Floats, Index, Queries
from scripts.evaluation.queries import WINDOWS, windows_of

_SAMPLED: Final = 512  # photos whose neighbours make the scale of matches


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
        if not usable.any():
            raise InputError("The model refuses every photo of the catalogue. Are these photos?")
        self.catalogue = catalogue.only(usable) if self.refused else catalogue
        product_of = self.catalogue.product_of
        index = Index(model.layout, rows[usable], product_of)
        self._sources = [_Source(model, index, weightings(model.layout, factors))]
        self._scale = _scale(index, self._sources[0].weightings[OURS])
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
        """The answers of each system to photos. ``excluded``: a product for each that is no answer, or -1.

        Lookalike searches again with the windows of a photo that finds weak matches only, as ``lookalike.search`` does. The others
        search plainly.
        """
        excluded = np.full(len(photos), -1, np.intp) if excluded is None else excluded
        found: dict[str, Answers] = {}
        for source in self._sources:
            rows = embed(source.features, photos, self._cache)
            found |= source.index.nearest(Queries.of_one_row(rows, excluded), source.weightings, k=k)
            if OURS in source.weightings:
                self._search_windows(source, photos, rows, excluded, found[OURS])
        return found

    def _search_windows(
        self, source: _Source, photos: PhotoSet, rows: Floats, excluded: Numbers, found: Answers
    ) -> None:
        """Replace the answers to whole photos that are weak matches throughout."""
        if self._scale is None or photos.has_crops:
            return
        weak = np.flatnonzero((found.distances[:, 0] > self._scale.fair) & np.isfinite(rows[:, 0]))
        if not len(weak):
            return
        of_windows = (weak[:, np.newaxis] * len(WINDOWS) + np.arange(len(WINDOWS))).ravel()
        windows = embed(source.features, windows_of(photos), self._cache, of_windows)
        every = np.concatenate([rows[weak], windows])
        query_of = np.concatenate([np.arange(len(weak)), np.repeat(np.arange(len(weak)), len(WINDOWS))])
        order = np.argsort(query_of, kind="stable")
        queries = Queries(every[order], query_of[order], excluded[weak])
        ours = {OURS: source.weightings[OURS]}
        again = source.index.nearest(queries, ours, k=found.products.shape[1])[OURS]
        found.products[weak], found.distances[weak] = again.products, again.distances


def _scale(index: Index, weights: Weights) -> MatchScale | None:
    """The scale of matches, as compaction and search make it."""
    some = sample(np.arange(len(index.rows)), _SAMPLED, 0)
    names = [text_hash(str(number)) for number in range(int(index.product_of[-1]) + 1)]
    products = np.array(names, f"S{HASH_BYTES}")[index.product_of]
    sampler = Sampler(index.layout, index.rows[some], products[some])
    sampler.add(index.rows, products)
    return match_scale(sampler.sample(), weights)


def weightings(layout: Layout, factors: Mapping[str, float]) -> dict[str, Weights]:
    """The weights of our system, and of each part alone. Raises ValueError."""
    found = {OURS: layout.weights_by(factors)}
    if len(layout.parts) > 1:
        for number, name in enumerate(layout.names):
            alone = np.zeros(len(layout.parts))
            alone[number] = 1
            found[f"{name} alone"] = alone
    return found


def parts_of(layout: Layout, factors: Mapping[str, float]) -> Sequence[Mapping[str, object]]:
    """The parts with the weights that are evaluated, for results."""
    weights = layout.weights_by(factors).tolist()
    return [
        {"name": part.name, "dimensions": part.dimensions, "weight": weight}
        for part, weight in zip(layout.parts, weights, strict=True)
    ]
