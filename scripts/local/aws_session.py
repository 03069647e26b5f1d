"""boto3 without this machine's AWS configuration: no profile, no files, no credentials but the local ones."""

import os
from typing import Any

import boto3
import botocore.session

from scripts.local.intrinsics import REGION


def isolated_session() -> Any:
    """A boto3 session for the local stack, whatever AWS_PROFILE and the like say."""
    # Name in a configuration file, environment variable, default, conversion: only the default is left.
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    return boto3.Session("local", "local", region_name=REGION, botocore_session=core)
