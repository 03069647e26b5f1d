#!/usr/bin/env python3
"""Everything that a merchant does with a catalogue: photos and product data in, and what became of them.

    python -m scripts.catalogue upload photos.zip --labels products.csv
    python -m scripts.catalogue data feed.tsv
    python -m scripts.catalogue status
    python -m scripts.catalogue rejected --csv

Each command works on the stack in samconfig.toml, on another one (--stack-name), or on buckets that are named, and takes
credentials, region and endpoint as the AWS command line does. `python -m scripts.catalogue COMMAND --help` has its examples.
"""

import argparse
import sys
from types import ModuleType
from typing import Final

from lookalike.errors import LookalikeError
from scripts.common.arguments import command_parser
from scripts.common.labels import InputError
from scripts.deployment import deployed
from scripts.deployment.deployed import DeployError
from scripts.merchant import data, delete, export, rejected, retry, shop, status, upload

_COMMANDS: Final[dict[str, ModuleType]] = {
    "upload": upload,
    "data": data,
    "status": status,
    "rejected": rejected,
    "retry": retry,
    "delete": delete,
    "export": export,
}


def main(words: list[str] | None = None) -> int:
    """Run a command: 0 if all is done, 1 if AWS refused, 2 if the input cannot be used, 130 if it was interrupted."""
    options = _parser().parse_args(words)
    try:
        code: int = _COMMANDS[options.command].run(options, shop.Shop(options))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (InputError, DeployError) as error:
        print(error, file=sys.stderr)
        return 2
    except (LookalikeError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("catalogue", __doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        description = module.__doc__ or ""
        command = commands.add_parser(
            name,
            help=description.partition("\n")[0].rstrip("."),
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_options(command)
        shop.add_options(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
