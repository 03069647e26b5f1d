"""Ray, on this machine or a cluster, as long as a block runs."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from lookalike.errors import LookalikeError

_SETTINGS: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to Ray's makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it would write between the lines of the command
    "RAY_task_oom_retries": "3",  # a photo that takes all memory must not be tried for ever
    "RAY_agent_register_timeout_ms": "30000",  # of a busy machine
}
_LOCAL: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # the name is Ray's: its processes listen on loopback alone
_STARTS: Final = 3


class ClusterError(LookalikeError):
    """Ray did not start, or its work ended early. The message says what to do next."""


@contextmanager
def running(address: str | None, *, cpus: int, object_bytes: int | None = None) -> Iterator[None]:
    """Ray while the block runs: of a cluster, or without an ``address`` of this machine, which then ends with the block.

    Where this process has Ray already, it is that one, and it stays.
    ``cpus``: that Ray may use of this machine; ``object_bytes``: of memory that its processes share (Ray decides). Raises ClusterError.
    """
    for name, value in (_SETTINGS if address else _SETTINGS | _LOCAL).items():
        os.environ.setdefault(name, value)
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the ends of its workers are told by the command
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray about Ray
        import ray

        is_ours = not ray.is_initialized()
        if is_ours:
            _start(ray, address, cpus, object_bytes)
        _configure()
    try:
        yield
    finally:
        if is_ours:
            ray.shutdown()


@contextmanager
def cluster_errors(failed: str) -> Iterator[None]:
    """Errors of Ray as ClusterError. ``failed``: what could not be done, the beginning of a sentence."""
    from ray.data.exceptions import SystemException, UserCodeException
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, SystemException, UserCodeException) as error:
        cause = getattr(error, "cause", None) or error.__cause__ or error
        *_, last = (type(cause).__name__, *str(cause).strip().splitlines())
        raise ClusterError(f"{failed}: {last}") from error


def _start(ray: Any, address: str | None, cpus: int, object_bytes: int | None) -> None:
    wanted: dict[str, Any] = {"address": address}
    if not address:
        wanted = {
            "address": "local",
            "num_cpus": cpus,
            "object_store_memory": object_bytes,
            "include_dashboard": False,
        }
    for attempt in range(_STARTS):
        try:
            ray.init(**wanted, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as error:  # Ray raises plain ones, such as that a busy machine took more than 30 s
            ray.shutdown()
            if address or attempt + 1 == _STARTS:
                where = f"the cluster at {address}" if address else "this machine"
                raise ClusterError(f"Ray does not run on {where}: {error}") from error
        else:
            return


def _configure() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False  # the command has its own
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a piece that ends its worker costs no other piece
