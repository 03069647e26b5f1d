"""The one way to create an object, also where an answer is lost.

The answer of ``put_if_absent`` alone does not tell: with retries below us, a write that landed can be answered "exists" (HTTP
412) because the first answer was lost. ``create`` settles it by reading back.
"""

import random
import time
from collections.abc import Callable

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store.object_store import ObjectStore, PutAnswer

_ATTEMPTS = 6
_PAUSE_S = 0.05


def create(store: ObjectStore, name: str, data: bytes, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Write an immutable object: True if the object of that name is ours, False if it is another writer's.

    ``data`` must differ from the data of every other writer, as only that tells ours from another's: segments and manifests
    carry a random id. Raises StoreUnavailable where the outcome is unknown; the caller must assume neither.
    """
    for attempt in range(_ATTEMPTS):
        if store.put_if_absent(name, data) is PutAnswer.CREATED:
            return True
        try:
            # Two reads: the bytes of one may be damaged on their way, and ours must not be taken for another's.
            return store.get(name) == data or store.get(name) == data
        except ObjectMissing:
            # A rival write is in flight, or did not land: try again, each rival after a pause of its own.
            sleep(random.uniform(0.5, 1.5) * _PAUSE_S * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise StoreUnavailable(f"rival writes of {name} did not settle in {_ATTEMPTS} attempts")
