"""What is evaluated: something that answers queries."""

from typing import Final, Protocol

from scripts.evaluation.data import Numbers, PhotoSet
from scripts.evaluation.neighbours import Answers

OURS: Final = "Lookalike"


class Engine(Protocol):
    """Answers queries with products of one catalogue, by their numbers there; for each system by its name, ``OURS`` first."""

    def has(self, products: Numbers) -> Numbers:
        """Those of the products that can be found."""
        ...

    def similar(self, products: Numbers, *, k: int) -> dict[str, Answers]:
        """The k products most like each of some products, without itself. ``products`` ascend."""
        ...

    def search(self, photos: PhotoSet, *, k: int, excluded: Numbers | None = None) -> dict[str, Answers]:
        """The k products most like each photo. ``excluded``: a product for each photo that is no answer, or -1.

        A photo that is refused has no answers.
        """
        ...
