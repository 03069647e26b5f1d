"""boto3 without this machine's AWS configuration: no profile, no files, only the local credentials."""

import os
from typing import Any

import boto3
import botocore.session

from scripts.local.intrinsics import REGION


def isolated_session() -> Any:
    """A boto3 session for the local stack that ignores AWS_PROFILE and the like."""
    # Name in a configuration file, environment variable, default, conversion: only the default remains.
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    return boto3.Session("local", "local", region_name=REGION, botocore_session=core)
