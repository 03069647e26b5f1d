"""The routes that look something up: a product, what was refused, the state of the catalogue."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from engine import index_of
from facts import facts
from http_api import Answer, Request
from lifecycle import Services
from parameters import text
from problems import ProductPending
from results import age_header, image_url

from lookalike import errors
from lookalike.photos.catalogue import DATA_PREFIX, product_id_of
from lookalike.store.products.data_file import FileState
from lookalike.store.products.product_reader import ProductData
from lookalike.store.records import Op
from lookalike.store.rows import PhotoRecord
from lookalike.store.snapshot import PhotoPage

PHOTOS_PER_PAGE = 100  # of one product: Lambda's answers end at 6 MB, and a signed URL takes up to 2 kB
REFUSALS_PER_PAGE = 100

PRODUCT_ID = text("product_id", "the id of a product", place="path", example="1563")
AFTER = text(
    "after",
    "next_after of the page before; each page is sorted by key, and the pages are in an order of their own",
    example="images/1563/back.jpg",
)
AFTER_REFUSAL = text(
    "after",
    "next_after of the page before; data files come first, by key and line, then photos in an order of their own",
    example="products/feed.csv:99",
)


def get_product(request: Request, services: Services) -> Any:
    """All that is known of a product: its data, and its photos, with the reason where one was rejected."""
    product_id = product_id_of(request.value(PRODUCT_ID))
    catalogue = services.catalogue()
    view = catalogue.view
    try:
        page = view.snapshot.product(product_id, after=request.value(AFTER), at_most=PHOTOS_PER_PAGE)
    except errors.NotFound as error:
        if view.row(product_id) is None:
            raise missing(services, product_id, error) from error
        page = PhotoPage((), 0, None)
    value = {
        "product_id": product_id,
        **facts(view.data(product_id), view.snapshot.metadata([product_id])[product_id]),
        "photos_total": page.total,
        "photos": [_photo(request, services, photo) for photo in page.photos],
        "next_after": page.next_after,
    }
    return Answer(value, age_header(services))


def missing(services: Services, product_id: str, error: errors.NotFound) -> errors.NotFound:
    """The error of a product that the store does not have: pending where its photo is in the bucket."""
    if not services.is_photographed(product_id):
        return error
    return ProductPending(
        f"The photo of product {product_id!r} is in the catalogue and not searchable yet. Try again in a few seconds."
    )


def _photo(request: Request, services: Services, photo: PhotoRecord) -> dict[str, Any]:
    is_rejected = photo.op is Op.REJECT
    return {
        "image_key": photo.key,
        "image_url": image_url(request, services, photo.key),
        "status": "rejected" if is_rejected else "searchable",
        "reason": dict(photo.detail) if is_rejected else None,
    }


def get_rejected(request: Request, services: Services) -> Any:
    """Data files, rows of them, and photos that were refused, with the reasons."""
    catalogue = services.catalogue()
    files, snapshot, after = catalogue.data.files, catalogue.view.snapshot, request.value(AFTER_REFUSAL)
    is_of_data = after == "" or after.startswith(DATA_PREFIX)
    found = list(islice(_refused_data(files, after), REFUSALS_PER_PAGE + 1)) if is_of_data else []
    shown = [refusal for _, refusal in found[:REFUSALS_PER_PAGE]]
    next_after = None
    if len(found) > REFUSALS_PER_PAGE:
        next_after = found[REFUSALS_PER_PAGE - 1][0]
    elif room := REFUSALS_PER_PAGE - len(shown):
        page = snapshot.rejects(after="" if is_of_data else after, at_most=room)
        shown += [_refused_photo(photo) for photo in page.photos]
        next_after = page.next_after
    elif snapshot.rejected:  # photos begin on the next page
        next_after = found[-1][0]
    value = {
        "total": snapshot.rejected + sum(_is_refused(file) + file.bad_total for file in files),
        "unlisted": sum(file.bad_total - len(file.bad) for file in files),
        "rejected": shown,
        "next_after": next_after,
    }
    return Answer(value, age_header(services))


def _refused_data(files: Sequence[FileState], after: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Refused files and rows in the order of pages, those after the place ``after``, each with its own place."""
    after_key, _, number = after.rpartition(":")
    after_number = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1
    for file in sorted(files, key=lambda file: file.key):
        if file.key < after_key:
            continue
        refused: list[dict[str, Any]] = []
        if _is_refused(file):
            detail = file.detail
            refused.append(_refusal(file.key, None, None, detail["code"], detail["detail"]))
        refused += [_refusal(file.key, bad.product_id or None, bad.line, bad.code, bad.detail) for bad in file.bad]
        for place, refusal in enumerate(refused):
            if file.key > after_key or place > after_number:
                yield f"{file.key}:{place}", refusal


def _refused_photo(photo: PhotoRecord) -> dict[str, Any]:
    return _refusal(photo.key, photo.product_id, None, photo.detail["code"], photo.detail["detail"])


def _refusal(key: str, product_id: str | None, line: int | None, code: str, detail: str) -> dict[str, Any]:
    return {"key": key, "product_id": product_id, "line": line, "code": code, "detail": detail}


def _is_refused(file: FileState) -> bool:
    return file.op is Op.REJECT


def get_queue(request: Request, services: Services) -> Any:  # noqa: ARG001 - every handler takes both
    """How many photos and data files wait to be taken in, and how many could not be."""
    return services.queues.counts()


def get_health(request: Request, services: Services) -> Any:  # noqa: ARG001 - every handler takes both
    """The size and the age of the catalogue, and the model."""
    services.embedder  # noqa: B018 - without its model a function is not healthy
    catalogue = services.catalogue()
    snapshot = catalogue.view.snapshot
    value = {
        "status": "stale" if services.is_stale else "ok" if snapshot.photos else "empty",
        "snapshot": snapshot.version,
        "snapshot_age_s": round(services.age_s, 3),
        "products": snapshot.products,
        "photos": snapshot.photos,
        "rejected": snapshot.rejected,
        "index": index_of(snapshot),
        "data": _data(catalogue.data),
        "model": {
            "name": services.spec.name,
            "fingerprint": services.spec.fingerprint,
            "parts": [
                {"name": part.name, "dimensions": part.dimensions, "weight": part.weight}
                for part in services.spec.layout.parts
            ],
        },
    }
    return Answer(value, age_header(services))


def _data(data: ProductData) -> dict[str, Any]:
    """The product data: how much there is, and when a file of it changed last."""
    changed_ms = max((file.time_ms for file in data.files), default=None)
    changed = None if changed_ms is None else datetime.fromtimestamp(changed_ms / 1000, UTC)
    return {
        "version": data.version,
        "products": len(data.table),
        "files": len(data.files),
        "rejected_files": sum(map(_is_refused, data.files)),
        "bad_rows": sum(file.bad_total for file in data.files),
        "changed": None if changed is None else changed.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
