#!/usr/bin/env python3
"""Upload product photos to the catalogue bucket, with the labels that a CSV has about the products.

    python -m scripts.upload photos/                                    # to the stack in samconfig.toml
    python -m scripts.upload photos.zip --labels products.csv --stack-name shop --region eu-west-1
    python -m scripts.upload photo.jpg --bucket my-catalogue            # one photo, without a stack
    python -m scripts.upload photos/ --labels products.csv --resume     # only new photos and changed labels

A file ``1563.jpg`` is the photo of product 1563 and becomes ``images/1563.jpg``; ``1563/back.jpg`` is another photo of
it and becomes ``images/1563/back.jpg``. The labels decide which part of a path names the product: if 1563 is an id of theirs,
``Shirts/1563.jpg`` and ``1563_2.jpg`` are photos of 1563, too. The command says what it takes, what it leaves out and why.

The CSV needs a column with the product's id; every other value that is not empty is stored with the photo and returned with
each answer. ``productDisplayName`` or ``name`` is the name that the page shows. S3 has room for 2,048 bytes of labels with
a photo, less if the text is not ASCII: the name comes first, then the columns in their order, and the rest is left out.

Credentials are those of the AWS command line. A photo that is uploaded again replaces the old one.
"""

import argparse
import sys
from pathlib import Path

from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.arguments import add_label_options, at_least_one, command_parser
from scripts.common.catalogue import open_catalogue
from scripts.common.labels import InputError, number
from scripts.common.progress import Progress
from scripts.common.uploads import present, s3_client, upload
from scripts.deployment import deployed
from scripts.deployment.deployed import DeployError


def main(words: list[str] | None = None) -> int:
    """Run the command: 0 if all photos are in the bucket, 1 if AWS refused, 2 if the input cannot be used."""
    arguments = _parser().parse_args(words)
    begun = False
    try:
        with open_catalogue(arguments.photos, arguments.labels, arguments.id_column) as catalogue:
            photos = catalogue.photos
            print(catalogue.report, flush=True)
            s3 = s3_client(deployed.session(arguments), arguments.endpoint_url, connections=arguments.threads)
            bucket = arguments.bucket or deployed.stack_outputs(deployed.target_of(arguments))["CatalogueBucketName"]
            etags = present(s3, bucket) if arguments.resume else {}
            begun = True
            with Progress(len(photos), "uploaded") as progress:
                done = upload(s3, bucket, photos, threads=arguments.threads, on_done=progress.to, etags=etags)
    except (InputError, DeployError) as error:
        print(error, file=sys.stderr)
        return 2
    except deployed.AWS_ERRORS as error:
        safe = (
            "\nThe upload stopped. Photos that were sent are in the bucket; --resume sends the others." if begun else ""
        )
        print(deployed.refusal(error) + safe, file=sys.stderr)
        return 1
    changed = f", {number(done.relabelled, 'photo')} with new labels" if done.relabelled else ""
    print(f"{number(done.sent, 'photo')} sent to s3://{bucket}/{IMAGES_PREFIX}{changed}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("upload", __doc__)
    parser.add_argument("photos", type=Path, help="folder or zip file of photos, or one photo")
    deployed.add_target_options(parser)
    parser.add_argument("--bucket", help="the catalogue bucket (default: the stack's)")
    add_label_options(parser)
    parser.add_argument("--endpoint-url", help="an S3 other than Amazon's, such as the local stack's")
    parser.add_argument("--threads", type=at_least_one, default=8, help="photos sent at once (8)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="skip photos that are in the bucket with the same bytes. If --labels has other labels for one, they are "
        "replaced by a copy of the photo onto itself, and it is embedded again; this takes a request a photo to look. A "
        "product without a row keeps its labels",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
