"""Which part of a photo's path names its product: the ids of the labels decide.

An id is looked for in three ways, each in the photos for which the ways before it found nothing: as a folder or as the file's
name without its suffix; as the beginning of the file's name (``1563_2.jpg``); and in the form that a spreadsheet gives to an
id (123 for 00123), if no other id and no other name are as much alike.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final

from scripts.common.labels import InputError, some
from scripts.common.photos import CONTENT_TYPES

_SCIENTIFIC: Final = re.compile(r"(\d)(?:[.,](\d+))?E\+?(\d+)", re.IGNORECASE)
_WHOLE: Final = re.compile(r"(\d+)[.,]0{1,2}")


@dataclass(frozen=True, slots=True)
class Place:
    """The part of a path that names the product.

    ``part``: its number from the end, -1 for the file's name. ``label_id``: the id as the labels write it, "" without labels.
    """

    part: int
    product_id: str
    label_id: str = ""

    def key(self, path: PurePosixPath) -> str:
        """The path from the product on: ``1563.jpg``, ``1563/back.jpg``, and ``1563/1563_2.jpg`` of ``1563_2.jpg``."""
        folder = (self.product_id,) if self.is_beginning(path) else ()
        return "/".join((*folder, *path.parts[self.part :]))

    def is_beginning(self, path: PurePosixPath) -> bool:
        """Whether the file's name is more than the product's id."""
        return self.part == -1 and path.stem != self.product_id


Places = dict[PurePosixPath, Place]


def find_places(paths: Sequence[PurePosixPath], ids: AbstractSet[str]) -> Places:
    """The place of the product in each path. A product without labels has the part that is the product in most paths.

    Raises InputError if no path has an id, or if it is not clear which of several parts is the product.
    """
    places = _without_doubt(
        {
            path: [replace(place, label_id=place.product_id) for place in parts_of(path) if place.product_id in ids]
            for path in paths
        }
    )
    usual = usual_parts(places)
    # The number of a view or a category may look like an id, too.
    rest = {
        path: [
            place
            for place in parts_of(path) + _beginnings(path)
            if usual.get(len(path.parts), place.part) == place.part
        ]
        for path in paths
        if path not in places
    }
    places |= _first_of(rest, {name: name for name in ids})
    rest = {path: candidates for path, candidates in rest.items() if path not in places}
    free = ids - {place.label_id for place in places.values()}
    places |= _first_of(rest, _alike({place.product_id for candidates in rest.values() for place in candidates}, free))
    if not places:
        raise InputError(
            f"The labels match no photo. The photos: {some(paths)}. The labels' ids: {some(ids)}. A file 1563.jpg or a folder "
            "1563/ is product 1563: correct the names, or name another column with --id-column."
        )
    usual = usual_parts(places)
    most = Counter(place.part for place in places.values()).most_common(1)[0][0]
    for path in paths:
        if path not in places:
            part = max(usual.get(len(path.parts), most), -len(path.parts))
            places[path] = parts_of(path)[part]
    return places


def usual_parts(places: Mapping[PurePosixPath, Place]) -> dict[int, int]:
    """The part that is the product in most paths, by the number of parts of a path."""
    parts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for path, place in places.items():
        parts[len(path.parts)][place.part] += 1
    return {length: count.most_common(1)[0][0] for length, count in parts.items()}


def parts_of(path: PurePosixPath) -> list[Place]:
    """Each part of a path as the product, the file's name without its suffix. Without labels."""
    names = (*path.parts[:-1], path.stem)
    return [Place(number - len(names), name) for number, name in enumerate(names)]


def _beginnings(path: PurePosixPath) -> list[Place]:
    """Everything that the file's name begins with before a sign, the longest first."""
    ends = [match.start() for match in re.finditer(r"[\W_]+", path.stem)]
    return [Place(-1, path.stem[:end]) for end in reversed(ends) if end]


def _first_of(candidates: Mapping[PurePosixPath, Iterable[Place]], ids: Mapping[str, str]) -> Places:
    """The first candidate of each path whose product has an id. ``ids``: as the labels write them, by product."""
    known = {
        path: next((place for place in places if place.product_id in ids), None) for path, places in candidates.items()
    }
    return {path: replace(place, label_id=ids[place.product_id]) for path, place in known.items() if place}


def _without_doubt(found: Mapping[PurePosixPath, Sequence[Place]]) -> Places:
    """Of the parts that are ids, the product. Raises InputError if that is not clear."""
    places = {path: parts[0] for path, parts in found.items() if parts}
    products = {path: {place.product_id for place in found[path]} for path in places}
    doubtful = [path for path in places if len(products[path]) > 1]
    certain = Counter(place.part for path, place in places.items() if len(products[path]) == 1)
    part, count = next(iter(certain.most_common(1)), (0, 0))
    if doubtful and count <= len(doubtful):
        ends = Counter((found[path][0].part, found[path][-1].part) for path in doubtful)
        outer, inner = ends.most_common(1)[0][0]
        alike = [parts_of(path) for path in found if len(path.parts) >= -outer]
        # Views have the same few numbers in every product. Categories are fewer than their products.
        if len({parts[inner].product_id for parts in alike}) <= len({parts[outer].product_id for parts in alike}):
            part = outer
            places = {path: place for path, place in places.items() if place.part != inner}
        else:
            part = 0
    for path in doubtful:
        settled = next((place for place in found[path] if place.part == part), None)
        if settled is None:
            first, *_, last = found[path]
            raise InputError(
                f"{path} could be a photo of product {first.product_id} or of product {last.product_id}: the labels do not tell. "
                "Give all photos the same form, PRODUCT.jpg or PRODUCT/VIEW.jpg, with or without folders around it."
            )
        places[path] = settled
    return places


def _alike(names: AbstractSet[str], ids: AbstractSet[str]) -> dict[str, str]:
    """The id that stands for a name in another form, by name, where no other id and no other name could be meant."""
    digits = {len(match[2] or "") for text in ids if (match := _SCIENTIFIC.fullmatch(text))}
    ids_of: defaultdict[str, set[str]] = defaultdict(set)
    names_of: defaultdict[str, set[str]] = defaultdict(set)
    for text in ids:
        ids_of[_form(text)].add(text)
    for name in names:
        rounded = {_form(f"{Decimal(name):.{count}E}") for count in digits} if _is_number(name) else set()
        for form in {_form(name), *rounded} & ids_of.keys():
            names_of[form].add(name)
    pairs = [(*names_of[form], *ids_of[form]) for form in names_of if len(names_of[form]) == len(ids_of[form]) == 1]
    times = Counter(name for name, _ in pairs)
    return {name: text for name, text in pairs if times[name] == 1}


def _form(text: str) -> str:
    """An id without the zeros before it and the decimals behind it, without a photo's suffix, and in lower case."""
    if match := _SCIENTIFIC.fullmatch(text):
        return f"{match[1]}.{match[2] or ''}e{int(match[3])}"
    if match := _WHOLE.fullmatch(text):
        text = match[1]
    if PurePosixPath(text).suffix.lower() in CONTENT_TYPES:
        text = PurePosixPath(text).stem
    return text.lstrip("0") if _is_number(text) else text.casefold()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
