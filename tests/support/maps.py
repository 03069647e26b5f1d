"""Maps of larger stores drawn as those of small ones are."""

from collections.abc import Iterator

import pytest

from lookalike.compaction import places


@pytest.fixture(autouse=True, scope="module")
def maps_along_two_axes() -> Iterator[None]:
    """Compaction draws a map along two axes: t-SNE takes seconds, and few tests look at the map."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_FEWEST", 10**9)
        yield
