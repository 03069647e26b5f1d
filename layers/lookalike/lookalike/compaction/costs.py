"""The time that a way to code embeddings takes, in seconds of one processor: calibration compares such times, and nothing else."""

_SEARCHES = 200
"""Searches that a container answers after its cold start."""

# Measured on a processor of 2.6 GHz. Cold bytes come at 85 MB/s; 27 ms pass until the first byte of a request, and 16 run at once.
_COLD_BYTE = 12e-9
_COLD_REQUEST = 1.8e-3
_COLD_ROWS = 30  # exact rows of one request: similar rows are neighbours in a file
_TURNED_NUMBER = 0.25e-9
_SCANNED_BYTE = 0.06e-9
_SCANNED_ROW = 1.5e-9
_REFINED_ROW = 0.2e-6
_REFINED_COORDINATE = 0.4e-9
_EXACT_ROW = 0.3e-6
_EXACT_DIMENSION = 1e-9


def of_part(rows: int, *, packed_bytes: int, deflated_bytes: float, rotated: int) -> float:
    """Of one part: the bytes of a row of heads and of a row of deflated codes, and the numbers in its rotation."""
    cold = _COLD_BYTE * (rows * deflated_bytes + 4 * rotated)
    warm = rows * (_SCANNED_ROW + _SCANNED_BYTE * packed_bytes) + _TURNED_NUMBER * rotated
    return cold + _SEARCHES * warm


def of_rows_left(refined: float, exact: float, *, parts: int, coordinates: int, dimensions: int) -> float:
    """Of the rows that a search bounds a second time, by the coordinates of all parts, and of those that it computes."""
    cold = exact * (_COLD_REQUEST / _COLD_ROWS + _COLD_BYTE * 4 * dimensions)
    warm_refined = refined * (parts * _REFINED_ROW + coordinates * _REFINED_COORDINATE)
    return cold + _SEARCHES * (warm_refined + exact * (_EXACT_ROW + dimensions * _EXACT_DIMENSION))
