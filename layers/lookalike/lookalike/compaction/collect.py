"""Collection: deletes objects that the newest manifest does not need and that no reader can still be reading."""

from collections.abc import Callable
from itertools import islice, pairwise

from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.store import names, versions
from lookalike.store.object_store import ObjectStore
from lookalike.store.state import read_consistently
from lookalike.store.versions import StoreKind, Version

_AT_ONCE = 1000  # half a minute of requests
_RESERVE_S = 10.0  # for the answer, and for a slow delete


def collect[M: Version](
    store: ObjectStore,
    kind: StoreKind[M],
    policy: Policy,
    *,
    time_left_s: Callable[[], float] = lambda: float("inf"),
) -> Work:
    """Delete at most ``_AT_ONCE`` such objects while there is time. The work counts none where none is left.

    Ages are by the store's own time. By a machine's clock that is ahead, an object that is about to be committed is old.
    """
    state = read_consistently(store, kind, lambda state: state)
    now_ms = store.time_ms()
    grace_ms = int(policy.grace_s * 1000)
    unused = [entry.name for entry in state.log if state.manifest.folded.get(entry.name, now_ms) + grace_ms < now_ms]
    live = state.manifest.objects
    for entry in store.list(kind.prefix):
        if entry.name in live or names.kind_of(entry.name) is None:
            continue
        retired_ms = state.manifest.retired.get(entry.name)
        # Not in any manifest: orphaned by a crash, or not committed yet. Only its age tells.
        orphan_ms = entry.modified_ms + int(policy.orphan_s * 1000)
        due_ms = orphan_ms if retired_ms is None else retired_ms + grace_ms
        if due_ms < now_ms:
            unused.append(entry.name)
    # A reader may have learnt the name of a manifest until the next version was committed.
    manifests = pairwise(versions.entries(store))
    unused += [
        old.name
        for newer, old in islice(manifests, policy.manifests_kept - 1, None)
        if newer.modified_ms + grace_ms < now_ms
    ]
    collected = 0
    for name in unused[:_AT_ONCE]:
        if time_left_s() < _RESERVE_S:
            break  # the next run goes on
        store.delete(name)
        collected += 1
    return Work(collected=collected)
