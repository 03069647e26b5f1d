"""Every measure over one catalogue, with the answers that it comes from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from scripts.common.catalogue import Photo
from scripts.common.labels import InputError
from scripts.evaluation.bootstrap import Estimate, Values, area_under_roc, mean
from scripts.evaluation.data import Half, LabelledCatalogue, Numbers, PhotoSet, by_product, photo_set, sample
from scripts.evaluation.engine import OURS, Engine
from scripts.evaluation.measures import found_within, precision
from scripts.evaluation.neighbours import Answers
from scripts.evaluation.queries import other_things, transformed

FIVE: Final = 5
_QUERIES_PER_PICTURE: Final = 25  # of each kind of other things: 220 pictures beside 500 queries


MEASURES: Final = ("labels", "changed-photos", "other-photos", "no-match")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. ``queries``: photos of each kind to search with; ``stored``: stored products to search with, or all."""

    attributes: Sequence[str]
    measures: Collection[str] = MEASURES
    half: Half = "all"
    k: int = FIVE
    queries: int = 500
    stored: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One measure of one system. ``of``: the attribute, or the kind of query."""

    measure: str
    of: str
    system: str
    estimate: Estimate

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"measure": self.measure, "of": self.of, "system": self.system, **asdict(self.estimate)}


@dataclass(frozen=True, slots=True)
class Stored:
    """Our answers to stored products: ``products`` are the queries; ``values`` the precision of each by attribute."""

    products: Numbers
    answers: Answers
    values: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Photographed:
    """Our answers to query photos of one kind, and the product of each."""

    photos: PhotoSet
    products: Numbers
    answers: Answers


@dataclass(slots=True)
class Outcome:
    """All results, and our own answers for the page."""

    results: list[Result] = field(default_factory=list)
    stored: Stored | None = None
    photographed: list[Photographed] = field(default_factory=list)


class Evaluation:
    """Measures one engine over one catalogue. ``outcome`` grows as ``run`` goes on."""

    def __init__(self, engine: Engine, catalogue: LabelledCatalogue, plan: Plan) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._plan = plan
        self.outcome = Outcome()

    def run(self, others: Sequence[Photo] = ()) -> Outcome:
        """Every measure. ``others``: other photos of the catalogue's products. Raises InputError."""
        plan, half = self._plan, self._catalogue.in_half(self._plan.half)
        if not len(half):
            raise InputError(f"The catalogue has no product in the half {plan.half}. Take another with --half.")
        if "labels" in plan.measures:
            stored = half if plan.stored is None else sample(half, plan.stored, plan.seed)
            self._stored(self._engine.has(stored))
        if others and "other-photos" in plan.measures:
            self._others(others, half)
        if {"changed-photos", "no-match"} & set(plan.measures):
            queried = self._engine.has(sample(half, plan.queries, plan.seed))
            photos = [self._catalogue.first_photos[number] for number in queried]
            plain = photo_set("the query photos", photos)
            if "changed-photos" in plan.measures:
                for name, made in transformed(photos, plain, plan.seed).items():
                    self._retrieval(name, made, queried)
            if "no-match" in plan.measures:
                self._no_match(plain, queried)
        return self.outcome

    def _stored(self, products: Numbers) -> None:
        """Precision@k of stored products."""
        answers = self._engine.similar(products, k=self._plan.k)
        labels = {attribute: self._catalogue.values(attribute) for attribute in self._plan.attributes}
        for system, found in answers.items():
            values = {attribute: precision(found, of_all, products) for attribute, of_all in labels.items()}
            for attribute, of_each in values.items():
                self._add(f"precision@{self._plan.k}", attribute, system, of_each)
            if system == OURS:
                self.outcome.stored = Stored(products, found, values)

    def _others(self, others: Sequence[Photo], half: Numbers) -> None:
        """Retrieval by other photos of the products in the half."""
        wanted = set(half.tolist())
        known = [pair for pair in by_product(others, self._catalogue.products) if pair[0] in wanted]
        chosen = [known[place] for place in sample(np.arange(len(known)), self._plan.queries, self._plan.seed)]
        has = set(self._engine.has(np.unique([number for number, _ in chosen]).astype(np.intp)).tolist())
        chosen = [pair for pair in chosen if pair[0] in has]
        photos = photo_set("other photos", [photo for _, photo in chosen])
        self._retrieval("another photo", photos, np.array([number for number, _ in chosen], np.intp))

    def _retrieval(self, of: str, photos: PhotoSet, products: Numbers) -> None:
        """How often the product of a photo is the first answer to it, and among the first five."""
        answers = self._engine.search(photos, k=FIVE)
        self.outcome.photographed.append(Photographed(photos, products, answers[OURS]))
        for first, name in ((1, "first"), (FIVE, f"in the first {FIVE}")):
            for system, found in answers.items():
                self._add(name, of, system, found_within(found, products, first))

    def _no_match(self, unseen: PhotoSet, products: Numbers) -> None:
        """How well the nearest distance tells pictures of other things from photos of products that are not there."""
        if not len(unseen):
            return
        near = self._engine.search(unseen, k=1, excluded=products)
        far = self._engine.search(
            other_things(max(1, self._plan.queries // _QUERIES_PER_PICTURE), self._plan.seed), k=1
        )
        for system, found in near.items():
            area = area_under_roc(far[system].distances[:, 0], found.distances[:, 0], self._rng())
            self.outcome.results.append(Result("ROC AUC", "no match", system, area))

    def _add(self, name: str, of: str, system: str, values: Values) -> None:
        if estimate := mean(values, self._rng()):
            self.outcome.results.append(Result(name, of, system, estimate))

    def _rng(self) -> np.random.Generator:
        """The same draws for every system, so that their differences are not those of the draws."""
        return np.random.default_rng([self._plan.seed, 1])
