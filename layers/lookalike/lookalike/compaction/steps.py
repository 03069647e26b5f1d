"""Steps of compaction, the same for every kind of store: one after the other while there is time, and of several stores in turn."""

from collections.abc import Callable, Iterator, Mapping

from lookalike.compaction.collect import collect
from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.store.object_store import ObjectStore
from lookalike.store.state import State, read_consistently
from lookalike.store.versions import StoreKind, Version

RESERVE_S = 60.0  # a step takes no longer


def steps[M: Version](
    store: ObjectStore,
    kind: StoreKind[M],
    step: Callable[[State[M]], Work | None],
    policy: Policy,
    *,
    time_left_s: Callable[[], float],
    reserve_s: float = RESERVE_S,
) -> Iterator[Work]:
    """Do steps until none is due or at most ``reserve_s`` of time are left, then collect. Raises StoreError.

    ``step``: does the next step for a state, and returns None where none is due.
    """

    def step_in_time(state: State[M]) -> Work | None:
        return step(state) if time_left_s() > reserve_s else None

    while (work := read_consistently(store, kind, step_in_time)) is not None:
        yield work
    while (work := collect(store, kind, policy, time_left_s=time_left_s)).collected:
        yield work


def in_turn(stores: Mapping[str, Iterator[Work]]) -> tuple[dict[str, Work], dict[str, Exception]]:
    """Compact several stores, one step of each in turn, so that a store with much to do does not hold up the others.

    ``stores``: the steps of each. Returns the work for each store, and the error for each store that could not be compacted further.
    """
    turns = dict(stores)
    done = dict.fromkeys(stores, Work())
    failed: dict[str, Exception] = {}
    while turns:
        for name, of_store in list(turns.items()):
            try:
                done[name] += next(of_store)
            except StopIteration:
                del turns[name]
            except Exception as error:  # noqa: BLE001 - returned: whatever is wrong with one store is no reason to stop at it
                failed[name] = error
                del turns[name]
    return done, failed
