"""Answers of a running Lookalike, by HTTP."""

import json
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from lookalike.photos.regions import Region
from scripts.common.labels import InputError
from scripts.common.progress import Progress
from scripts.evaluation.data import Numbers, PhotoSet
from scripts.evaluation.engine import OURS
from scripts.evaluation.neighbours import Answers

_TIMEOUT_S = 60


class Address:
    """The engine at an address. ``products``: the ids of the catalogue that it serves, in the order of their numbers.

    ``weights``: as the parameter of that name, or empty. ``times_ms``: of every answer so far. Raises InputError where the
    address does not answer as Lookalike does.
    """

    def __init__(self, address: str, products: Sequence[str], *, weights: str = "") -> None:
        self._address = address.rstrip("/")
        self._products = products
        self._numbers = {name: number for number, name in enumerate(products)}
        self._weights = {"weights": weights} if weights else {}
        self.times_ms: list[float] = []

    def has(self, products: Numbers) -> Numbers:
        """Those of the products that the address has a photo of."""
        with Progress(len(products), "looking up", "products") as progress:
            known = []
            for number in products.tolist():
                if self._call(f"/api/products/{self._path(number)}") is not None:
                    known.append(number)
                progress.step()
        return np.array(known, np.intp)

    def similar(self, products: Numbers, *, k: int) -> dict[str, Answers]:
        found = Answers.none(len(products), k)
        with Progress(len(products), "asking", "queries") as progress:
            for place, number in enumerate(products.tolist()):
                parameters = urlencode({"k": k, **self._weights})
                self._enter(found, place, self._timed(f"/api/products/{self._path(number)}/similar?{parameters}"))
                progress.step()
        return {OURS: found}

    def search(self, photos: PhotoSet, *, k: int, excluded: Numbers | None = None) -> dict[str, Answers]:
        """As ``Engine.search``: one product more is asked for, and the excluded one is left out of the answer."""
        found = Answers.none(len(photos), k)
        asked: dict[str, Any] = {"k": k if excluded is None else k + 1, **self._weights}
        with Progress(len(photos), f"asking: {photos.name}", "queries") as progress:
            for place, load in enumerate(photos.loads):
                photo = load()
                crop = {} if photo.crop.is_whole else {"crop": _numbers(photo.crop)}
                answer = self._timed(f"/api/search?{urlencode(asked | crop)}", photo.data)
                self._enter(found, place, answer, -1 if excluded is None else int(excluded[place]))
                progress.step()
        return {OURS: found}

    def percentiles_ms(self) -> dict[str, float]:
        """The median and the largest time of the answers so far."""
        if not self.times_ms:
            return {}
        return {"median": round(statistics.median(self.times_ms), 1), "max": round(max(self.times_ms), 1)}

    def _path(self, number: int) -> str:
        return quote(self._products[number], safe="")

    def _enter(self, found: Answers, place: int, answer: dict[str, Any] | None, excluded: int = -1) -> None:
        results = (
            [(self._numbers.get(one["product_id"], -1), one["distance"]) for one in answer["results"]] if answer else []
        )
        kept = [result for result in results if excluded < 0 or result[0] != excluded][: found.products.shape[1]]
        for rank, (number, distance) in enumerate(kept):
            found.products[place, rank], found.distances[place, rank] = number, distance

    def _timed(self, path: str, photo: bytes | None = None) -> dict[str, Any] | None:
        started = time.perf_counter()
        answer = self._call(path, photo)
        self.times_ms.append((time.perf_counter() - started) * 1000)
        return answer

    def _call(self, path: str, photo: bytes | None = None) -> dict[str, Any] | None:
        """The answer; None where there is no such product, or the photo is refused."""
        headers = {} if photo is None else {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(self._address + path, data=photo, headers=headers)  # noqa: S310 - the user names it
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                result: dict[str, Any] = json.load(answer)
                return result
        except urllib.error.HTTPError as error:
            if error.code == 404 or (photo is not None and error.code in (415, 422)):
                return None
            detail = error.read(1000).decode(errors="replace")
            raise InputError(f"{self._address + path} answers {error.code}: {detail}") from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self._address} does not answer ({error}). Is Lookalike running there? `make demo` starts one."
            ) from error


def _numbers(region: Region) -> str:
    return f"{region.x:.6f},{region.y:.6f},{region.width:.6f},{region.height:.6f}"
