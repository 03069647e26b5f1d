"""What a search and its distances are with each of NumKong's sets of instructions, compared in a process of its own.

    python -m tests.support.code_distances

switches one after the other off, which nothing switches on again for all of a process, and prints what each leaves.
"""

import json

import numkong
import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import TOP_CODE
from lookalike.codes.distance import PackedCodes, products, squared_lengths
from lookalike.search.knn import nearest_products
from tests.support import spectra
from tests.support.fakes import snapshot_of

Codes = npt.NDArray[np.int8]


def codes_and_query(rows: int, coordinates: int) -> tuple[Codes, Codes]:
    rng = np.random.default_rng(coordinates)
    codes = rng.integers(-TOP_CODE, TOP_CODE, (rows + 1, coordinates), np.int8, endpoint=True)
    return codes[1:], codes[0]


def numbers() -> list[list[float]]:
    """Distances and products of codes of many widths."""
    found = []
    for coordinates in (1, 15, 64, 200, 513, 4096):
        codes, query = codes_and_query(37, coordinates)
        codes[0], codes[1] = TOP_CODE, -TOP_CODE
        found += [
            squared_lengths(codes).tolist(),
            *(squared.tolist() for squared in PackedCodes([codes]).squared_distances(0, np.stack([query, -query]))),
            products(codes, codes[:3]).reshape(-1).tolist(),
        ]
    return found


def answers() -> list[list[tuple[str, float, int]]]:
    """Of searches: product, distance, and how many rows were refined and computed, which bounds decide."""
    found = []
    for make in (spectra.clustered, spectra.power_law):
        vectors = make(1, 400, 96)
        keys = [str(number) for number in range(400)]
        snapshot = snapshot_of(vectors, keys, keys)
        for query in make(2, 5, 96):
            answer = nearest_products(snapshot, query, k=10)
            found.append([(near.product_id, near.distance, answer.rows_refined) for near in answer.neighbours])
    return found


if __name__ == "__main__":
    results = {"all": [numbers(), answers()]}
    for capability, is_there in numkong.get_capabilities().items():
        if is_there and capability != "serial":
            numkong.disable_capability(capability)
            results[capability] = [numbers(), answers()]
    print(json.dumps(results))
