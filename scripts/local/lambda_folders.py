"""/opt, /var/runtime and the environment variables of a function, without root and without a container.

Lambda unpacks a function's layers over each other into /opt. An ordinary user can mount nothing there, and unprivileged
namespaces are often forbidden, so a folder of links stands for it: ``PATH``, the import path and the variables of the
template that start with /opt name that folder instead. Every other variable has Lambda's value, and no variable of
this machine's environment reaches the function, apart from ``LD_LIBRARY_PATH``.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.local.environment import lambda_variables
from scripts.local.template import Function

# Of Lambda's image for Python: the runtime client and the SDK, with what the two stand on.
_RUNTIME_PACKAGES: Final = (
    *("awslambdaric", "runtime_client.*.so", "snapshot_restore_py.py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "dateutil", "six.py", "urllib3", "jmespath"),
)


class NoRuntimeError(Exception):
    """The packages of Lambda's image are not installed. The message says what to do."""


def lay_over(layers: Sequence[Path], target: Path) -> Path:
    """Fill ``target`` with links as if ``layers`` were unpacked one after the other: the file of a later layer wins.

    A folder that only one layer has is one link.
    """
    target.mkdir(parents=True)
    names = sorted({path.name for layer in layers for path in layer.iterdir()})
    for name in names:
        paths = [layer / name for layer in layers if (layer / name).exists()]
        folders = [path for path in paths if path.is_dir()]
        if len(folders) > 1 and paths[-1].is_dir():
            lay_over(folders, target / name)
        else:
            (target / name).symlink_to(paths[-1].resolve())
    return target


def link_runtime(site_packages: Path, target: Path) -> Path:
    """Fill ``target`` like /var/runtime, with links into an environment that has the packages. Raises NoRuntimeError."""
    target.mkdir(parents=True)
    for pattern in _RUNTIME_PACKAGES:
        package = next(iter(site_packages.glob(pattern)), None)
        if package is None:
            raise NoRuntimeError(f"{site_packages} has no {pattern}. Run `make build`, on Linux, and try again.")
        (target / package.name).symlink_to(package.resolve())
    return target


def variables(function: Function, endpoint_url: str, opt: Path, runtime: Path) -> dict[str, str]:
    """The variables of a function's process: those that Lambda sets, and the template's own."""
    # The interpreter is this machine's, and may need the libraries that it was started with.
    libraries = [f"{opt}/lib", *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    values = lambda_variables(function, endpoint_url) | {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if function.snap_start else "on-demand",
        "AWS_SESSION_TOKEN": "local",
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{opt}/bin",
    }
    return values | {name: _moved(value, opt) for name, value in function.environment.items()}


def _moved(value: str, opt: Path) -> str:
    return f"{opt}{value.removeprefix('/opt')}" if value == "/opt" or value.startswith("/opt/") else value
