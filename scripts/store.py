"""Look at, check and repair the embeddings store and the store of product data.

python -m scripts.store stats                               # of the stack in samconfig.toml
python -m scripts.store ls    --stack-name shop --region eu-west-1
python -m scripts.store fsck  --bucket STORE_BUCKET         # without looking at a stack
python -m scripts.store fsck  --products                    # of product data, as are stats and ls with it
python -m scripts.store drop  --store FINGERPRINT
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.compaction import fsck
from lookalike.compaction.checks import Report
from lookalike.compaction.products_fsck import check_products
from lookalike.errors import LookalikeError
from lookalike.store import names
from lookalike.store.manifest import PHOTO_STORE
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import PRODUCTS
from lookalike.store.products.product_manifest import PRODUCT_STORE, ProductManifest
from lookalike.store.records import Op
from lookalike.store.state import State, read_consistently
from lookalike.store.versions import StoreKind, Version
from scripts.common.arguments import command_parser
from scripts.deployment import deployed, drop_store
from scripts.deployment.deployed import DeployError

_FOREIGN_SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the command: 0 on success, 1 if fsck found errors or the user declined a drop, 2 if the command failed."""
    parser = command_parser("store", "Look at, check and repair the stores of embeddings and of product data.")
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
        if name != "drop":
            command.add_argument("--products", action="store_true", help="the store of product data")
        if name == "drop":
            command.add_argument("--yes", action="store_true", help="do not ask")
            command.add_argument("--force", action="store_true", help="even the only store, or the one that is served")
    options = parser.parse_args(arguments)
    try:
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
        if options.products:
            products = S3Store(client, bucket, PRODUCTS)
            return {"stats": _product_stats, "ls": _product_ls, "fsck": _product_fsck}[options.command](products)
        store = S3Store(client, bucket, drop_store.prefix_of(store_prefixes(client, bucket), bucket, options.store))
        return {"stats": _stats, "ls": _ls, "fsck": _fsck}[options.command](store)
    except (LookalikeError, DeployError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 2


def _stats(store: ObjectStore) -> int:
    stored = _stored(store, PHOTO_STORE)
    state = read_consistently(store, PHOTO_STORE, lambda state: state)
    newest = state.manifest
    counts = {
        "version": newest.version,
        "segments": len(newest.segments),
        "rows in segments": sum(ref.rows for ref in newest.segments),
        "bytes in segments": sum(ref.stored_bytes for ref in newest.segments),
        "of which a search scans": sum(ref.scan_bytes for ref in newest.segments),
        "segments to collect": len(stored - newest.objects),
    }
    return _print_counts(counts | _log_counts(state))


def _product_stats(store: ObjectStore) -> int:
    stored = _stored(store, PRODUCT_STORE)
    state = read_consistently(store, PRODUCT_STORE, lambda state: state)
    newest = state.manifest
    ops = Counter(ref.op for ref in newest.files)
    counts = {
        "version": newest.version,
        "files": ops[Op.PUT],
        "files that cannot be used": ops[Op.REJECT],
        "deleted files, remembered": ops[Op.DELETE],
        "packs of files": len(newest.packs),
        "bytes in packs": sum(ref.stored_bytes for ref in newest.packs),
        "bytes in the table of all": newest.merged.stored_bytes if newest.merged else 0,
        "objects to collect": len(stored - newest.objects),
    }
    return _print_counts(counts | _log_counts(state))


def _stored(store: ObjectStore, kind: StoreKind[Any]) -> set[str]:
    """The objects that manifests may name. To be listed before the manifest, which may name newer ones."""
    return {entry.name for entry in store.list(kind.prefix) if names.kind_of(entry.name)}


def _log_counts(state: State[Any]) -> dict[str, int]:
    return {
        "log segments waiting": len(state.waiting),
        "bytes in the log, waiting": sum(entry.size for entry in state.waiting),
        "log segments to collect": len(state.log) - len(state.waiting),
    }


def _print_counts(counts: Mapping[str, int]) -> int:
    for name, value in counts.items():
        print(f"{name:28} {value:>16,}")
    return 0


def _ls(store: ObjectStore) -> int:
    return _list(
        store,
        PHOTO_STORE,
        lambda newest: (
            dict.fromkeys(newest.rotations, "live, a rotation")
            | ({newest.map.name: "live, the map"} if newest.map else {})
            | {ref.name: f"live, {ref.rows:,} rows" for ref in newest.segments}
        ),
    )


def _product_ls(store: ObjectStore) -> int:
    def live(newest: ProductManifest) -> dict[str, str]:
        files = Counter(ref.pack for ref in newest.files)
        packs = {pack.name: f"live, a pack of {files[pack.name]:,} files" for pack in newest.packs}
        return packs | ({newest.merged.name: "live, the table of all files"} if newest.merged else {})

    return _list(store, PRODUCT_STORE, live)


def _list[M: Version](store: ObjectStore, kind: StoreKind[M], roles_of: Callable[[M], Mapping[str, str]]) -> int:
    """List every object with its role. ``roles_of``: the roles of the objects of a version, by name."""
    entries = list(store.list(""))  # before the manifest: see ``lookalike.store.state``
    newest = read_consistently(store, kind, lambda state: state.manifest)
    live = roles_of(newest)
    for entry in entries:
        if names.kind_of(entry.name) is None:
            role = "not the store's"
        elif entry.name in live:
            role = live[entry.name]
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
    return _print_report(fsck.check(store))


def _product_fsck(store: ObjectStore) -> int:
    return _print_report(check_products(store))


def _print_report(report: Report) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
