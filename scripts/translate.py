#!/usr/bin/env python3
"""Write template.yaml as CloudFormation sees it, translated by SAM's own translator, as JSON.

    scripts/translate.py build/template.json

Linters that know CloudFormation but not SAM read that. Nothing is sent anywhere.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `scripts/translate.py` finds its neighbours however it is started

from scripts.local.translation import translate  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    _, document, _ = translate(ROOT / "template.yaml", {})
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
