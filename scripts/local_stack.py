#!/usr/bin/env python3
"""Run Lookalike on this machine: the page, the API, S3, SQS and the functions, wired as template.yaml says.

    python -m scripts.local_stack                                    a catalogue that is drawn for it
    python -m scripts.local_stack --images photos.zip --labels products.csv
    python -m scripts.local_stack --isolated                         the functions as built and as Lambda runs them

`make demo` calls this. It ends with Ctrl-C, and everything in it is gone then; logs stay in build/demo.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.labels import InputError, Labels, read_labels, report
from scripts.common.paths import ROOT
from scripts.common.photos import PhotoFile, open_photos
from scripts.common.progress import Progress
from scripts.local.built import NotBuiltError, built_template
from scripts.local.intrinsics import REGION, UnsupportedTemplateError
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.runner import MakeRunner, from_sources
from scripts.local.seeding import SeedingError, health, seed
from scripts.local.stack import LocalStack, PortTakenError

# Looking for new photos costs nothing here, and whoever drops one wants to see it.
LOCAL_PARAMETERS: Final = {"MaxStalenessSeconds": "1"}
DRAWN: Final = ROOT / "build" / "catalogue"


class SettingError(Exception):
    """An option of the command cannot be used."""


class _Stopped(Exception):
    """The user, or the system, has asked the stack to end."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with ExitStack() as inputs:
            labels, photos = _catalogue(arguments, inputs)
            template, make_runner = _functions(arguments, inputs)
            _run(arguments, template, make_runner, photos, labels)
    except _Stopped:
        print("\nLookalike has ended.", file=sys.stderr)
        return 0
    except (
        InputError,
        PortTakenError,
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
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--images", type=Path, help="folder or zip file of photos, named by product")
    what.add_argument("--empty", action="store_true", help="start without photos")
    parser.add_argument("--labels", type=Path, help="CSV file whose column id names the product")
    parser.add_argument("--port", type=int, default=8000, help="of the page and the API (8000; 0 takes a free one)")
    parser.add_argument("--s3-port", type=int, default=9000, help="of S3 and SQS (9000; 0 takes a free one)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--model-dir", type=Path, default=ROOT / "build" / "model", help="see `make model`")
    how.add_argument(
        "--isolated",
        action="store_true",
        help="run what `make build` built, model included, as Lambda does: its runtime client, layers and limits",
    )
    parser.add_argument("--log-dir", type=Path, default=ROOT / "build" / "demo", help="where the logs go")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml, such as CompactSchedule=rate(1 minute)",
    )
    return parser


def _catalogue(arguments: argparse.Namespace, inputs: ExitStack) -> tuple[Labels, list[PhotoFile]]:
    """The labels and photos to start with. Everything about them that is wrong is told before anything starts."""
    images, labels_file = arguments.images, arguments.labels
    if arguments.empty:
        return {}, []
    if images is None:
        images, labels_file = _drawn(), labels_file or DRAWN / "labels.csv"
    labels = read_labels(labels_file) if labels_file else {}
    return labels, inputs.enter_context(open_photos(images, labels))


def _functions(arguments: argparse.Namespace, inputs: ExitStack) -> tuple[Path, MakeRunner]:
    """The template to run, and what runs its functions."""
    if arguments.isolated:
        return built_template(), inputs.enter_context(Isolation()).runner
    if not (arguments.model_dir / "model.onnx").is_file():
        raise SettingError(f"{arguments.model_dir} holds no model. Run `make model` first.")
    return ROOT / "template.yaml", from_sources(arguments.model_dir)


def _drawn() -> Path:
    """A catalogue drawn for the purpose; drawn once and kept."""
    command = [sys.executable, "-m", "scripts.draw_catalogue", "--out", str(DRAWN)]
    # It has processes of its own: as a group they can be ended together.
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


def _run(
    arguments: argparse.Namespace, template: Path, make_runner: MakeRunner, photos: list[PhotoFile], labels: Labels
) -> None:
    with LocalStack(
        make_runner=make_runner,
        template=template,
        log_dir=arguments.log_dir,
        port=arguments.port,
        s3_port=arguments.s3_port,
        parameters=_parameters(arguments.parameter),
    ) as stack:
        _log_to(stack.log_dir / "stack.log")
        print(f"The functions' logs are in {_short(stack.log_dir)}/.", flush=True)
        if photos:
            print(report((photo.product_id for photo in photos), labels), flush=True)
            with Progress(len(photos), "searchable") as progress:
                seeded = seed(stack, photos, labels, progress.to)
            rate = len(photos) / seeded.seconds
            rejected = f", {seeded.rejected:,} of them rejected (see /api/products/ID)" if seeded.rejected else ""
            print(f"{len(photos):,} photos in {seeded.seconds:.1f} s, {rate:.1f} a second{rejected}.")
        else:
            _wait_until_it_answers(stack)
        print(f"Lookalike is ready: {stack.url}\n")
        print(_how_to_go_on(stack), flush=True)
        while True:
            time.sleep(1)
            if stack.aws.process.poll() is not None:
                raise SeedingError(f"The local S3 and SQS have ended. See {_short(stack.log_dir)}/aws.log.")


def _wait_until_it_answers(stack: LocalStack) -> None:
    try:
        health(stack)
    except OSError as error:
        raise SeedingError(f"The API does not answer ({error}). See {_short(stack.log_dir)}/query.log.") from error


def _how_to_go_on(stack: LocalStack) -> str:
    variables = f"AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={REGION}"
    target = f"s3://{stack.catalogue_bucket}/{IMAGES_PREFIX}my-product.jpg"
    return (
        "Drop another photo, and it is searchable seconds later:\n"
        f"  {variables} aws --endpoint-url {stack.endpoint_url} s3 cp photo.jpg {target}\n"
        "Ctrl-C ends everything."
    )


def _log_to(path: Path) -> None:
    """What the supervisor itself has to say goes to a file, so that the terminal stays readable."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers = [handler]


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _stop(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a signal handler
    # Once is enough: what follows must not be interrupted.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
