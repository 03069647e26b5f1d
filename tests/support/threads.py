"""One thread for NumPy and scikit-learn: on a busy machine, threads that wait for each other take longer than the work."""

from collections.abc import Iterator

import pytest
import sklearn.cluster
import sklearn.decomposition
import sklearn.neighbors  # noqa: F401 - only what is loaded is limited
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield
