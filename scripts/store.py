"""Look at, check and repair the embeddings store and its queue.

python -m scripts.store stats                               # of the stack in samconfig.toml
python -m scripts.store ls    --stack-name shop --region eu-west-1
python -m scripts.store fsck  --bucket STORE_BUCKET         # without looking at a stack
python -m scripts.store drop  --store FINGERPRINT
python -m scripts.store redrive
"""

import argparse
import sys
import time
from typing import Any

from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.compaction import fsck
from lookalike.errors import LookalikeError
from lookalike.store import names
from lookalike.store.manifest import PHOTO_STORE
from lookalike.store.object_store import ObjectStore
from lookalike.store.state import read_consistently
from scripts.common.arguments import command_parser
from scripts.common.progress import Progress
from scripts.deployment import deployed, drop_store
from scripts.deployment.deployed import DeployError

_FOREIGN_SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the command: 0 on success, 1 if fsck found errors or the user declined a drop, 2 if the command failed."""
    parser = command_parser("store", "Look at, check and repair the embeddings store and its queue.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("stats", "count the store's segments, rows and bytes"),
        ("ls", "list every object of the store with its role"),
        ("fsck", "verify the whole store, reading only"),
        ("drop", "delete the store of a model that is not used any more, for good"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        deployed.add_target_options(command)
        command.add_argument("--bucket", help="the store bucket (default: the stack's)")
        command.add_argument(
            "--store", required=name == "drop", help="the model fingerprint, where the bucket has several stores"
        )
        command.add_argument("--endpoint-url", help="another S3 than Amazon's, such as the local stack's")
        if name == "drop":
            command.add_argument("--yes", action="store_true", help="do not ask")
            command.add_argument("--force", action="store_true", help="even the only store, or the one that is served")
    redrive = commands.add_parser("redrive", help="put dead letters back into the queue they came from")
    deployed.add_target_options(redrive)
    redrive.add_argument("--dead-letters", help="the URL of the dead-letter queue (default: the stack's)")
    redrive.add_argument("--endpoint-url", help="another SQS than Amazon's, such as the local stack's")
    options = parser.parse_args(arguments)
    try:
        if options.command == "redrive":
            return _redrive(options)
        client = s3_client(session=deployed.session(options), endpoint_url=options.endpoint_url)
        bucket = options.bucket or deployed.stack_outputs(deployed.target_of(options))["StoreBucketName"]
        if options.command == "drop":
            # Another S3 than Amazon's belongs to no stack.
            served = (
                None
                if options.force or options.endpoint_url
                else drop_store.served_by(deployed.target_of(options), bucket)
            )
            return drop_store.drop(
                client, bucket, options.store, served=served, confirmed=options.yes, force=options.force
            )
        store = S3Store(client, bucket, drop_store.prefix_of(store_prefixes(client, bucket), bucket, options.store))
        return {"stats": _stats, "ls": _ls, "fsck": _fsck}[options.command](store)
    except (LookalikeError, DeployError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 2


def _stats(store: ObjectStore) -> int:
    stored = {
        entry.name for entry in store.list(names.SEGMENTS) if names.kind_of(entry.name)
    }  # before the manifest, which may name segments newer than these
    state = read_consistently(store, PHOTO_STORE, lambda state: state)
    newest, waiting = state.manifest, state.waiting
    for name, value in (
        ("version", newest.version),
        ("segments", len(newest.segments)),
        ("rows in segments", sum(ref.rows for ref in newest.segments)),
        ("bytes in segments", sum(ref.stored_bytes for ref in newest.segments)),
        ("of which a search scans", sum(ref.scan_bytes for ref in newest.segments)),
        ("log segments waiting", len(waiting)),
        ("bytes in the log, waiting", sum(entry.size for entry in waiting)),
        ("log segments to collect", len(state.log) - len(waiting)),
        ("segments to collect", len(stored - newest.objects)),
    ):
        print(f"{name:28} {value:>16,}")
    return 0


def _ls(store: ObjectStore) -> int:
    entries = list(store.list(""))  # before the manifest: see ``lookalike.store.state``
    newest = read_consistently(store, PHOTO_STORE, lambda state: state.manifest)
    live = {ref.name: ref for ref in newest.segments}
    for entry in entries:
        if names.kind_of(entry.name) is None:
            role = "not the store's"
        elif entry.name in live:
            role = f"live, {live[entry.name].rows:,} rows"
        elif entry.name in newest.objects:
            role = "live, a rotation"
        elif entry.name == newest.name and newest.version:
            role = f"newest manifest, version {newest.version}"
        elif entry.name in newest.folded:
            role = "folded, to be collected"
        elif entry.name in newest.retired:
            role = "retired, to be collected"
        else:
            role = {
                "log": "waiting",
                "manifests": "older manifest",
                "attempts": "an attempt at a single photo, under way or left by a function that was killed",
            }.get(entry.name.partition("/")[0], "in no manifest")
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.modified_ms / 1000))
        print(f"{entry.size:>14,}  {when}  {entry.name}  ({role})")
    return 0


def _fsck(store: ObjectStore) -> int:
    report = fsck.check(store)
    for name, value in report.counts.items():
        print(f"{name:36} {value:>16,}")
    for name in report.foreign[:_FOREIGN_SHOWN]:
        print(f"NOTE {name}: not an object of the store, and left alone")
    if len(report.foreign) > _FOREIGN_SHOWN:
        print(f"NOTE {len(report.foreign) - _FOREIGN_SHOWN:,} more are not the store's")
    for problem in report.errors:
        print(f"ERROR {problem}")
    print("clean" if report.clean else f"{len(report.errors)} errors")
    return 0 if report.clean else 1


def _redrive(options: argparse.Namespace) -> int:
    """Send every dead letter to the queue it came from, as it was, then delete it. Twice is harmless: ingest is idempotent."""
    dead = options.dead_letters or deployed.stack_outputs(deployed.target_of(options))["DeadLetterQueueUrl"]
    sqs: Any = deployed.session(options).client("sqs", endpoint_url=options.endpoint_url)
    sources = sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]
    if len(sources) != 1:
        raise LookalikeError(f"{dead} takes the dead letters of {len(sources)} queues; one is needed.")
    attributes = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    moved = 0
    with Progress(int(attributes["ApproximateNumberOfMessages"]), "moved", "messages") as progress:
        while messages := sqs.receive_message(
            QueueUrl=dead, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in messages:
                sqs.send_message(
                    QueueUrl=sources[0],
                    MessageBody=message["Body"],
                    MessageAttributes=message.get("MessageAttributes", {}),
                )
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
                progress.step()
    print(f"{moved} messages are back in {sources[0].rpartition('/')[2]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
