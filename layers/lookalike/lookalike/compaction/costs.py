"""The time that a way to code embeddings takes, in seconds of one processor: calibration compares such times, and nothing else."""

_SEARCHES = 200
"""Searches that a container answers after its cold start."""

# Measured on a processor of 2.6 GHz. Cold bytes come at 85 MB/s; 27 ms pass until the first byte of a request, and 16 run at once.
_COLD_BYTE = 12e-9
_COLD_REQUEST = 1.8e-3
_COLD_ROWS = 30  # exact rows of one request: similar rows are neighbours in a file
_TURNED_NUMBER = 0.25e-9
_SCANNED_BYTE = 0.12e-9  # from memory that others use as well
_SCANNED_ROW = 1.5e-9
_HELD_BYTE = 0.1e-9  # a price: memory is no time, but a container has little of it
_REFINING = 80e-6
_REFINED_ROW = 0.2e-6
_REFINED_COORDINATE = 0.4e-9
_EXACT_ROW = 0.3e-6
_EXACT_DIMENSION = 1e-9


def of_part(rows: int, *, packed_bytes: int, held_bytes: int, deflated_bytes: float, rotated: int) -> float:
    """Of one part: the bytes of a row's head as it is packed, of all its codes and deflated, and the numbers in its rotation."""
    cold = _COLD_BYTE * (rows * deflated_bytes + 4 * rotated)
    warm = rows * (_SCANNED_ROW + _SCANNED_BYTE * packed_bytes + _HELD_BYTE * held_bytes) + _TURNED_NUMBER * rotated
    return cold + _SEARCHES * warm


def of_rows_left(refined: float, exact: float, *, parts: int, coordinates: int, dimensions: int) -> float:
    """Of the rows that a search bounds a second time, by the coordinates of all parts, and of those that it computes."""
    cold = exact * (_COLD_REQUEST / _COLD_ROWS + _COLD_BYTE * 4 * dimensions)
    exact_row = _EXACT_ROW + dimensions * _EXACT_DIMENSION
    warm = _REFINING + refined * (parts * _REFINED_ROW + coordinates * _REFINED_COORDINATE) + exact * exact_row
    return cold + _SEARCHES * min(warm, refined * exact_row)  # few rows are computed without bounding them once more
