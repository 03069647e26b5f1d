"""/opt, /var/runtime and the environment variables of a function, without root and without a container.

Lambda unpacks a function's layers over each other into /opt. An ordinary user can mount nothing there, and an unprivileged
namespace is often forbidden, so a folder of links stands for it: ``PATH``, the import path and those of the template's
variables that start with /opt name that folder instead. Everything else has Lambda's value, and nothing of this
machine's environment gets in.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.local.runner import aws_environment
from scripts.local.template import Function

# Of Lambda's image for Python: the runtime client and the SDK, with what the two stand on.
_RUNTIME_PACKAGES: Final = (
    *("awslambdaric", "runtime_client.*.so", "snapshot_restore_py.py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "dateutil", "six.py", "urllib3", "jmespath"),
)


class NoRuntimeError(Exception):
    """The packages of Lambda's image are not installed. The message says what to do."""


def lay_over(layers: Sequence[Path], target: Path) -> Path:
    """Make ``target`` what unpacking ``layers`` one after the other would give, of links; a later layer's file wins.

    A folder that only one layer has is one link.
    """
    target.mkdir(parents=True)
    names = sorted({path.name for layer in layers for path in layer.iterdir()})
    for name in names:
        having = [layer / name for layer in layers if (layer / name).exists()]
        folders = [path for path in having if path.is_dir()]
        if len(folders) > 1 and having[-1].is_dir():
            lay_over(folders, target / name)
        else:
            (target / name).symlink_to(having[-1].resolve())
    return target


def link_runtime(site_packages: Path, target: Path) -> Path:
    """Make ``target`` what /var/runtime is, of links into an environment that has the packages. Raises NoRuntimeError."""
    target.mkdir(parents=True)
    for pattern in _RUNTIME_PACKAGES:
        found = next(iter(site_packages.glob(pattern)), None)
        if found is None:
            raise NoRuntimeError(f"{site_packages} has no {pattern}. Run `make build`, on Linux, and try again.")
        (target / found.name).symlink_to(found.resolve())
    return target


def environment(function: Function, endpoint_url: str, opt: Path, runtime: Path) -> dict[str, str]:
    """The variables of a function's process: what Lambda sets, and the template's own."""
    # The interpreter is this machine's, and may need the libraries it was started with.
    libraries = [f"{opt}/lib", *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    values = aws_environment(endpoint_url) | {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if function.snap_start else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_SESSION_TOKEN": "local",
        "LAMBDA_TASK_ROOT": str(function.code_dir),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{opt}/bin",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
    return values | {name: _moved(value, opt) for name, value in function.environment.items()}


def _moved(value: str, opt: Path) -> str:
    return f"{opt}{value.removeprefix('/opt')}" if value == "/opt" or value.startswith("/opt/") else value
