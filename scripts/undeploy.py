#!/usr/bin/env python3
"""Take a deployed stack down: `make undeploy`.

    scripts/undeploy.py                                          # the stack in samconfig.toml
    scripts/undeploy.py --stack-name shop --region eu-west-1

Everything goes but the photos and the embeddings: those two buckets stay, are named at the end, and cost what they store.
Asks for the stack's name before it does anything.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `scripts/undeploy.py` finds its neighbours however it is started

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402

from scripts import static_site  # noqa: E402
from scripts.deploy import DeployError, Target, add_target_options, run_sam, stack_outputs, target  # noqa: E402


def main(arguments: list[str] | None = None, ask: Callable[[str], str] = input) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_target_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        chosen = target(options)
        outputs = stack_outputs(chosen)
        if not (options.yes or _confirmed(chosen, ask)):
            print("Nothing was done.")
            return 1
        # CloudFormation deletes empty buckets only. This one holds copies of static_site/.
        static_site.empty(chosen.client("s3"), outputs["SiteBucketName"])
        run_sam([str(options.sam), "delete", "--no-prompts", *chosen.arguments], options.project)
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
        return 1
    print(f"\nThe stack {chosen.stack_name} is gone. These buckets are still there; this deletes them for good:")
    for name in ("CatalogueBucketName", "StoreBucketName"):
        print(f"    aws s3 rb --force s3://{outputs[name]}")
    return 0


def _confirmed(chosen: Target, ask: Callable[[str], str]) -> bool:
    answer = ask(f"This takes down the stack {chosen.stack_name} and its page. Type the stack's name to go on: ")
    return answer.strip() == chosen.stack_name


if __name__ == "__main__":
    raise SystemExit(main())
