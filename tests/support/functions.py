"""The functions, loaded and called as Lambda does it, and the captured events they are called with."""

import importlib.util
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lookalike.store.damage import DAMAGED_READS

ROOT = Path(__file__).parents[2]

ENVIRONMENT: Mapping[str, str] = {
    "STORE_BUCKET": "lookalike-store",
    "CATALOGUE_BUCKET": "lookalike-catalogue",
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/lookalike",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/lookalike-dead",
    "MODEL_DIR": "/nowhere",
    "INDEX": "s3vectors:lookalike-index/photos",
    "POWERTOOLS_METRICS_NAMESPACE": "Lookalike/test",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
"""What template.yaml and Lambda set, for functions that reach nothing."""


def load(name: str, module: str = "app") -> ModuleType:
    """A fresh copy of ``functions/<name>/<module>.py``, with its folder first on the path while it is imported.

    All functions call their handler ``app``, so the copy has a name of its own, and its neighbours are forgotten again.
    """
    folder = ROOT / "functions" / name
    unique = f"function_{name}_{module}"
    spec = importlib.util.spec_from_file_location(unique, folder / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[unique] = loaded
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(loaded)
    finally:
        sys.path.remove(str(folder))
        neighbours = {path.stem for path in folder.glob("*.py")}
        for neighbour in neighbours & sys.modules.keys():
            del sys.modules[neighbour]
        # The copy made the libraries' loggers write JSON to the standard output of now; the next test listens at the root.
        logging.captureWarnings(False)
        for library in map(logging.getLogger, ("lookalike", "botocore", "urllib3", "py")):
            library.handlers.clear()
            library.propagate = True
            library.setLevel(logging.NOTSET)
        DAMAGED_READS.take()  # the copy counts from zero, as a new process does
    return loaded


@dataclass(slots=True)
class Context:
    """What Lambda hands to a handler beside the event."""

    function_name: str = "test"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:test"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"
    remaining_ms: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def sent_metrics(printed: str) -> list[dict[str, Any]]:
    """The metrics among what a function printed."""
    return [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]


def event(name: str) -> dict[str, Any]:
    """A captured event, ``tests/events/<name>.json``."""
    captured: dict[str, Any] = json.loads((ROOT / "tests" / "events" / f"{name}.json").read_text("utf-8"))
    return captured
