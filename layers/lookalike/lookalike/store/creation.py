"""The one way to create an object, whatever became of the answer.

The answer of ``put_if_absent`` is not yet the truth: with retries below us, a write that landed can be answered "exists"
(HTTP 412) because the first answer was lost. ``create`` settles it by reading back.
"""

import random
import time
from collections.abc import Callable

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store.object_store import ObjectStore, PutAnswer

_ATTEMPTS = 6
_PAUSE_S = 0.05


def create(store: ObjectStore, name: str, data: bytes, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Write an immutable object; True if it is there and ours, False if another writer's is.

    ``data`` must be unlike what any other writer would write (segments and manifests carry a random id), because that is
    how ours is told from another's. Raises StoreUnavailable where the outcome could not be learnt: then the caller must
    not assume either.
    """
    for attempt in range(_ATTEMPTS):
        if store.put_if_absent(name, data) is PutAnswer.CREATED:
            return True
        try:
            return store.get(name) == data
        except ObjectMissing:
            # A rival write was in flight and has not landed, or not yet: ask again, each rival at its own pace.
            sleep(random.uniform(0.5, 1.5) * _PAUSE_S * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise StoreUnavailable(f"rival writes of {name} did not settle in {_ATTEMPTS} attempts")
