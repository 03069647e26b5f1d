#!/usr/bin/env python3
"""Run Lookalike on this machine: the page, the API, S3, SQS and the functions, wired as template.yaml says.

    python -m scripts.local_stack                                    with a catalogue that it draws
    python -m scripts.local_stack --images photos.zip --labels products.csv
    python -m scripts.local_stack --isolated                         with the functions as built and as Lambda runs them

`make demo` runs this after it has installed all that it needs; PORT, S3_PORT, IMAGES, LABELS and ISOLATED=1 give the options.
Ctrl-C ends it. Photos and embeddings are in memory and gone then; the logs stay in build/demo.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from scripts.common.arguments import BUCKET_VARIABLE, STORE_BUCKET_VARIABLE, add_label_options
from scripts.common.catalogue import Catalogue, open_catalogue
from scripts.common.labels import InputError
from scripts.common.paths import ROOT
from scripts.common.progress import Progress
from scripts.local.built import NotBuiltError, built_template
from scripts.local.execution_environment import Launcher
from scripts.local.http_server import listen
from scripts.local.intrinsics import REGION, UnsupportedTemplateError
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.seeding import SeedingError, health, seed
from scripts.local.sources import from_sources
from scripts.local.stack import LOCAL_PARAMETERS, LocalStack, PortTakenError

DRAWN: Final = ROOT / "build" / "catalogue"


class SettingError(Exception):
    """An option of the command cannot be used."""


class _Stopped(Exception):
    """The user or the system ends the stack."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with ExitStack() as inputs:
            catalogue = _catalogue(arguments, inputs)
            template, launcher = _functions(arguments, inputs)
            _run(arguments, template, launcher, catalogue)
    except _Stopped:
        print("\nLookalike has ended.", file=sys.stderr)
        return 0
    except PortTakenError as error:
        print(f"{error} Choose another one: {_with_free_ports(arguments)}", file=sys.stderr)
        return 2
    except (
        InputError,
        UnsupportedTemplateError,
        SettingError,
        NotBuiltError,
        NoRuntimeError,
    ) as error:
        print(error, file=sys.stderr)
        return 2
    except SeedingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    catalogue = parser.add_mutually_exclusive_group()
    catalogue.add_argument(
        "--images", type=Path, help="folder or zip file of photos, or a photo (default: a catalogue is drawn)"
    )
    catalogue.add_argument("--empty", action="store_true", help="start without photos")
    add_label_options(parser)
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the page and the API (default: 8000; 0 takes a free one)"
    )
    parser.add_argument(
        "--s3-port", type=int, default=9000, help="port of S3 and SQS (default: 9000; 0 takes a free one)"
    )
    functions = parser.add_mutually_exclusive_group()
    functions.add_argument(
        "--model-dir",
        type=Path,
        default=ROOT / "build" / "model",
        help="folder of the model that `make model` writes (default: build/model)",
    )
    functions.add_argument(
        "--isolated",
        action="store_true",
        help="run the packages and the model of `make build` as Lambda does: with its runtime client, layers and limits; "
        "needs Linux",
    )
    parser.add_argument(
        "--log-dir", type=Path, default=ROOT / "build" / "demo", help="folder for the logs (default: build/demo)"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml, such as 'CompactSchedule=rate(1 minute)'; may be repeated",
    )
    return parser


def _catalogue(arguments: argparse.Namespace, inputs: ExitStack) -> Catalogue | None:
    """The photos to start with. Raises before anything starts where they cannot be used."""
    images, labels = arguments.images, arguments.labels
    if arguments.empty:
        return None
    if images is None:
        images, labels = _drawn(), labels or DRAWN / "labels.csv"
    return inputs.enter_context(open_catalogue(images, labels, arguments.id_column))


def _functions(arguments: argparse.Namespace, inputs: ExitStack) -> tuple[Path, Launcher]:
    """The template, and how its functions are started."""
    if arguments.isolated:
        return built_template(), inputs.enter_context(Isolation()).launch
    if not (arguments.model_dir / "model.json").is_file():
        raise SettingError(f"There is no model in {arguments.model_dir}. Run `make model` first.")
    return ROOT / "template.yaml", from_sources(arguments.model_dir)


def _drawn() -> Path:
    """The folder of a catalogue, which is drawn the first time."""
    command = [sys.executable, "-m", "scripts.draw_catalogue", "--out", str(DRAWN)]
    # It has processes of its own, which end together as a group.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as drawing:
        try:
            code = drawing.wait()
        except _Stopped:
            os.killpg(drawing.pid, signal.SIGKILL)
            raise
    if code:
        raise SettingError("The catalogue could not be drawn. Name one of your own with --images.")
    return DRAWN


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    values = dict(LOCAL_PARAMETERS)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingError(f"--parameter takes NAME=VALUE, not {pair}.")
        values[name] = value
    return values


def _run(arguments: argparse.Namespace, template: Path, launcher: Launcher, catalogue: Catalogue | None) -> None:
    with LocalStack(
        launcher=launcher,
        template=template,
        log_dir=arguments.log_dir,
        port=arguments.port,
        s3_port=arguments.s3_port,
        parameters=_parameters(arguments.parameter),
    ) as stack:
        # The supervisor's own messages go to a file, so that the terminal stays readable.
        log, line = stack.log_dir / "stack.log", "%(asctime)s %(levelname)s %(message)s"
        logging.basicConfig(filename=log, filemode="w", encoding="utf-8", level=logging.INFO, format=line, force=True)
        print(f"The logs of the functions are in {_short(stack.log_dir)}/.", flush=True)
        if catalogue:
            photos = catalogue.photos
            print(catalogue.report, flush=True)
            with Progress(len(photos), "searchable") as progress:
                seeded = seed(stack, photos, progress.to, catalogue.data)
            rate = len(photos) / seeded.seconds
            rejected = f", {seeded.rejected:,} of them rejected (see /api/products/ID)" if seeded.rejected else ""
            print(f"{len(photos):,} photos in {seeded.seconds:.1f} s, {rate:.1f} a second{rejected}.")
        else:
            health(stack)
        print(f"Lookalike is ready: {stack.url}\n")
        print(_how_to_go_on(stack), flush=True)
        while True:
            time.sleep(1)
            if stack.aws.process.poll() is not None:
                raise SeedingError(f"The local S3 and SQS have ended. See {_short(stack.log_dir)}/aws.log.")


def _how_to_go_on(stack: LocalStack) -> str:
    """The next command: how to add photos, with programs that are installed."""
    python = _short(Path(sys.executable))  # not resolved: a link in .venv/bin is the environment's Python
    variables = {
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        BUCKET_VARIABLE: stack.catalogue_bucket,
        STORE_BUCKET_VARIABLE: stack.template.outputs["StoreBucketName"],
    }
    settings = " \\\n".join(f"    {name}={value}" for name, value in variables.items())
    return (
        "In another terminal, a photo, such as photo.jpg, a folder, a zip or a CSV with addresses of pictures is searchable seconds\n"
        f"after these commands:\n  export \\\n{settings}\n  {python} -m scripts.catalogue upload photo.jpg\n"
        "Instead of `upload`: `data` for names and prices, `status`, `rejected`, `retry`, `delete`, `export`, each with --help.\n"
        "Ctrl-C ends everything."
    )


def _with_free_ports(arguments: argparse.Namespace) -> str:
    """The command with another port in place of each one that is taken."""
    ports = {"PORT": arguments.port, "S3_PORT": arguments.s3_port}
    changes = [f"{name}={free}" for name, port in ports.items() if (free := _free_from(port)) != port]
    return " ".join(["make demo", *changes])


def _free_from(port: int) -> int:
    """The first free port from ``port`` on."""
    for free in range(port, 1 << 16):
        with suppress(OSError):
            listen(free).close()
            return free
    return 0


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _stop(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a signal handler
    # A second signal must not interrupt the end of the stack.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
