"""Golden stores: those that older versions of the code wrote, and the script that makes new ones."""

import importlib.util
from pathlib import Path
from types import ModuleType

from lookalike.store.object_store import MemoryStore

GOLDEN = Path(__file__).parents[1] / "golden"
_LATER_S = 1_767_268_800.0 + 3600  # an hour after they were made, so everything folded may be collected


def load(folder: Path) -> MemoryStore:
    """The store whose objects are the files of a folder."""
    store = MemoryStore(lambda: _LATER_S)
    for path in folder.rglob("*"):
        if path.is_file():
            store.put_if_absent(path.relative_to(folder).as_posix(), path.read_bytes())
    return store


def maker() -> ModuleType:
    """``tests/golden/make.py``."""
    spec = importlib.util.spec_from_file_location("make_golden_store", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
