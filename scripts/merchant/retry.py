"""Send rejected photos and data files, and dead letters, through the queue once more.

    python -m scripts.catalogue retry images/1563.jpg products/feed.csv
    python -m scripts.catalogue retry --dead-letters
    python -m scripts.catalogue retry --all --dry-run

A rejected photo was refused for a reason that `rejected` tells: to try again helps where the reason is gone, such as a limit
that was raised. A dead letter is the event of a photo or file that failed too often: to try again helps after an outage. Both are
read as they are now, so an event that comes twice or late does no harm.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import batched
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from lookalike.store.records import event_of
from scripts.common.labels import InputError, number, some
from scripts.common.progress import Progress
from scripts.merchant import dead_letters
from scripts.merchant.dead_letters import DeadLetter
from scripts.merchant.refusals import rejected_files, rejected_photos
from scripts.merchant.shop import Shop


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "keys", nargs="*", metavar="KEY", help="keys of the bucket, as `rejected` and `status` name them"
    )
    parser.add_argument("--all", action="store_true", help="everything that was rejected, and all dead letters")
    parser.add_argument("--dead-letters", action="store_true", help="all dead letters, and nothing that was rejected")
    parser.add_argument("--dry-run", action="store_true", help="say what would be tried again, and send nothing")


def run(options: argparse.Namespace, shop: Shop) -> int:
    if [bool(options.keys), options.all, options.dead_letters].count(True) != 1:
        raise InputError("Name the keys to try again, or say --all or --dead-letters.")
    keys = frozenset(options.keys)
    again = [] if options.dead_letters else [item for item in _refused(shop) if options.all or item[0] in keys]
    seen: set[str] = set()

    def is_wanted(letter: DeadLetter) -> bool:
        own = {key for key, _ in letter.events}
        seen.update(own & keys)
        return options.all or options.dead_letters or not own.isdisjoint(keys)

    if options.dry_run:
        letters = dead_letters.peek(
            shop.sqs, shop.dead_letters_url, dead_letters.counts(shop.sqs, shop.dead_letters_url)[0]
        )
        moved = sum(map(is_wanted, letters))
    else:
        _send(shop.sqs, shop.queue_url, [notification(shop.bucket.name, key, order) for key, order in again])
        moved = _move(shop, is_wanted)
    would = "would go" if options.dry_run else "went"
    print(f"{number(len(again), 'rejected object')} and {number(moved, 'dead letter')} {would} into the queue.")
    unknown = keys - {key for key, _ in again} - seen
    if unknown:
        raise InputError(f"Neither rejected nor among the dead letters: {some(sorted(unknown))}.")
    return 0


def _refused(shop: Shop) -> list[tuple[str, bytes]]:
    """The keys of rejected photos and data files, and the orders of their rows."""
    with ThreadPoolExecutor(shop.threads, thread_name_prefix="retry") as pool:
        photos = [(photo.key, photo.order) for photo in rejected_photos(shop.store, pool)]
    return photos + [(file.key, file.order) for file in rejected_files(shop.product_data())]


def _move(shop: Shop, is_wanted: Callable[[DeadLetter], bool]) -> int:
    waiting, in_flight = dead_letters.counts(shop.sqs, shop.dead_letters_url)
    with Progress(waiting + in_flight, "looked through", "dead letters") as progress:
        return dead_letters.move_back(shop.sqs, shop.dead_letters_url, shop.queue_url, is_wanted, progress.to)


def notification(bucket: str, key: str, order: bytes) -> str:
    """S3's notification of an object, a moment after the event of ``order`` (32 bytes), and before every later event of the key."""
    event = event_of(order)
    # Times have milliseconds, and lose one on their way through floating point.
    time = datetime.fromtimestamp((event.time_ms + 2) / 1000, UTC).isoformat(timespec="milliseconds")
    item = {"key": quote_plus(key, safe="/")} | ({"sequencer": event.sequencer} if event.sequencer else {})
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": time,
        "s3": {"bucket": {"name": bucket}, "object": item},
    }
    return json.dumps({"Records": [record]})


def _send(sqs: Any, url: str, bodies: Sequence[str]) -> None:
    with Progress(len(bodies), "sent", "events") as progress:
        for group in batched(bodies, 10):  # SQS takes no more at once
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(group)]
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
            for refused in answer.get("Failed", ()):
                raise ClientError({"Error": refused}, "SendMessageBatch")
            progress.step(len(group))
