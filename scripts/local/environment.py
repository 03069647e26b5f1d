"""The environment variables of a function's process."""

import os

from scripts.local.intrinsics import REGION
from scripts.local.template import Function


def aws_variables(endpoint_url: str) -> dict[str, str]:
    """The variables that lead boto3 to the local S3 and SQS, and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        # boto3 reads neither this machine's profiles nor a cloud's metadata service.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Both ends are on this machine: checksums would only cost time.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }


def lambda_variables(function: Function, endpoint_url: str) -> dict[str, str]:
    """The variables that Lambda sets for a function, and those for boto3; without the template's own."""
    return aws_variables(endpoint_url) | {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(function.code_dir),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
