"""Say how a catalogue stands: photos and data files taken in, waiting and refused, and the queue between.

    python -m scripts.catalogue status
    python -m scripts.catalogue status --json

A photo is pending while it is in the bucket and the store has not seen it as it is: its event waits in the queue, failed, or was
never sent. Ends with 0 however it stands.
"""

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from lookalike.aws import S3Catalogue
from lookalike.backfill import planned, planned_files
from lookalike.photos.catalogue import DATA_PREFIX, IMAGES_PREFIX
from lookalike.store import append_log
from lookalike.store.manifest import Manifest
from lookalike.store.names import MANIFESTS
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.records import Op
from lookalike.store.state import State
from scripts.common.labels import number
from scripts.merchant import dead_letters
from scripts.merchant.live_rows import LiveRows, read_live
from scripts.merchant.shop import Shop

_LETTERS_SHOWN: Final = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")


def run(options: argparse.Namespace, shop: Shop) -> int:
    with ThreadPoolExecutor(shop.threads, thread_name_prefix="status") as pool:
        found = {
            "bucket": shop.bucket.name,
            "photos": _photos(shop),
            "store": _store(shop.store, pool, int(time.time() * 1000)),
            "data_files": list(_data_files(shop)),
            "queue": _queue(shop),
        }
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
    return 0


def _photos(shop: Shop) -> dict[str, int]:
    """Photos in the bucket, and those among them and the store that ingest has yet to see."""
    listed = S3Catalogue(shop.s3, shop.bucket.name).photos(IMAGES_PREFIX)
    with planned(listed, shop.store or MemoryStore(), bucket=shop.bucket.name, is_gone=None) as work:
        return {"in_bucket": len(work) + work.done, "pending": len(work)}


def _store(store: ObjectStore | None, pool: ThreadPoolExecutor, now_ms: int) -> dict[str, Any]:
    """Ages in seconds, None where there was none yet."""

    def of(state: State[Manifest], segments: list[LiveRows]) -> dict[str, Any]:
        compacted_ms = max((entry.modified_ms for entry in store_.list(MANIFESTS)), default=None)
        appended = [time_ms for entry in state.log if (time_ms := append_log.appended_ms(entry.name))]
        changed_ms = max([*appended, *([compacted_ms] if compacted_ms else [])], default=None)
        return {
            "searchable": sum(len(held.rows_of(Op.PUT)) for held in segments),
            "rejected": sum(len(held.rows_of(Op.REJECT)) for held in segments),
            "snapshot": f"{state.manifest.version}+{len(state.waiting)}",
            "last_change_s": _age_s(changed_ms, now_ms),
            "last_compaction_s": _age_s(compacted_ms, now_ms),
        }

    if store is None:
        return {"searchable": 0, "rejected": 0, "snapshot": None, "last_change_s": None, "last_compaction_s": None}
    store_ = store
    return read_live(store, pool, of)


def _age_s(then_ms: int | None, now_ms: int) -> float | None:
    return None if then_ms is None else max(0, now_ms - then_ms) / 1000


def _data_files(shop: Shop) -> Iterator[dict[str, Any]]:
    """Those that the product store knows and those in the bucket that it has yet to see, by key."""
    known = {file.key: file for file in shop.product_data().files}  # before the listing
    listed = list(S3Catalogue(shop.s3, shop.bucket.name).photos(DATA_PREFIX))
    with planned_files(listed, {key: file.order for key, file in known.items()}, bucket=shop.bucket.name) as work:
        pending = {event.key for event in work}
    for key in sorted(known.keys() | pending):
        file = known.get(key)
        is_rejected = file is not None and file.op is Op.REJECT
        yield {
            "key": key,
            "status": "pending" if key in pending else "rejected" if is_rejected else "searchable",
            "rows": file.rows if file else 0,
            "bad_rows": file.bad_total if file else 0,
            "detail": file.detail.get("detail", "") if file else "",
            "time_ms": file.time_ms if file else None,
        }


def _queue(shop: Shop) -> dict[str, Any]:
    waiting, in_flight = dead_letters.counts(shop.sqs, shop.queue_url)
    dead, hidden = dead_letters.counts(shop.sqs, shop.dead_letters_url)
    letters = dead_letters.peek(shop.sqs, shop.dead_letters_url, _LETTERS_SHOWN) if dead else []
    return {
        "waiting": waiting,
        "in_flight": in_flight,
        "dead_letters": dead + hidden,
        "some_dead_letters": [
            {"objects": [key for key, _ in letter.events], "told": str(letter), "sent_ms": letter.sent_ms}
            for letter in letters
        ],
    }


def _lines(found: dict[str, Any]) -> list[str]:
    photos, store, queue = found["photos"], found["store"], found["queue"]
    lines = [
        f"Photos in s3://{found['bucket']}/: {photos['in_bucket']:,}",
        f"  searchable {store['searchable']:,}, pending {photos['pending']:,}, rejected {store['rejected']:,}",
        f"  last change {_ago(store['last_change_s'])}, last compaction {_ago(store['last_compaction_s'])}",
        f"Data files: {len(found['data_files']):,}",
    ]
    for file in found["data_files"]:
        rows = f"{number(file['rows'], 'row')}, {file['bad_rows']:,} bad"
        said = {"searchable": rows, "pending": "not taken in yet"}.get(file["status"], f"rejected: {file['detail']}")
        lines.append(f"  {file['key']}: {said}")
    lines.append(
        f"Queue: {queue['waiting']:,} waiting, {queue['in_flight']:,} in flight, {number(queue['dead_letters'], 'dead letter')}"
    )
    lines += [f"  dead: {letter['told']}" for letter in queue["some_dead_letters"]]
    if queue["dead_letters"] or store["rejected"]:
        lines.append(
            "`rejected` lists what was refused and why; `retry` sends it, and dead letters, through the queue again."
        )
    return lines


def _ago(age_s: float | None) -> str:
    if age_s is None:
        return "never"
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if age_s >= seconds:
            return f"{number(int(age_s // seconds), unit)} ago"
    return "now"
