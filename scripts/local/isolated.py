"""Functions as Lambda runs them: awslambdaric in a process that sees the function, its layers and nothing else.

    with Isolation() as isolation, LocalStack(template=built_template(), launcher=isolation.launch) as stack: ...

awslambdaric, the client that AWS runs in Lambda, imports the handler and calls it.
"""

import contextlib
import secrets
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from scripts.common.paths import ROOT
from scripts.local import lambda_folders
from scripts.local.execution_environment import Launch
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.template import Function

INIT_LIMIT_S: Final = 10
"""How long an initialisation may take; a longer one is begun again, with the function's own limit."""

RUNTIME_VENV: Final = ROOT / ".venv-sam"
"""The environment of the functions' Python version that has the packages of Lambda's image: `make build`."""

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")


class Isolation:
    """Folders in place of /opt and /var/runtime, as a context manager; ``launch`` starts functions in them.

    ``model_dir`` replaces /opt/model, whatever the layers contain. Entering raises NoRuntimeError.
    """

    def __init__(self, *, venv: Path = RUNTIME_VENV, model_dir: Path | None = None) -> None:
        self._venv = venv
        self._model_dir = model_dir
        self._exit = contextlib.ExitStack()
        self._opts: dict[str, Path] = {}
        self._laying_out = threading.Lock()

    def __enter__(self) -> Self:
        packages = next(iter(self._venv.glob("lib/python*/site-packages")), None)
        if packages is None:
            raise NoRuntimeError(f"{self._venv.name} is missing. Run `make build` first.")
        with contextlib.ExitStack() as undo:
            self._folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-")))
            self._runtime = lambda_folders.link_runtime(packages, self._folder / "runtime")
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._exit.close()

    def launch(self, function: Function, endpoint_url: str, log_path: Path, *, without: Sequence[str] = ()) -> Launch:
        """How to start a function; its process does not get the variables in ``without``."""
        opt = self._opt(function)
        variables = lambda_folders.variables(function, endpoint_url, opt, self._runtime)
        variables["AWS_LAMBDA_LOG_STREAM_NAME"] = f"[$LATEST]{secrets.token_hex(16)}"
        for name in without:
            del variables[name]
        python = str(self._venv / "bin" / "python")
        # -I: no PYTHON* variables and no working directory, -S: no site-packages, -B: the build stays as it is.
        command = [python, "-I", "-S", "-B", str(_BOOTSTRAP), function.handler, str(opt), str(self._runtime)]
        return Launch(command, variables, log_path, (INIT_LIMIT_S, function.timeout_s), function.memory_mb)

    def _opt(self, function: Function) -> Path:
        """The function's /opt, made once."""
        with self._laying_out:
            if function.logical_id not in self._opts:
                opt = lambda_folders.lay_over(function.layer_dirs, self._folder / function.logical_id)
                if self._model_dir is not None:
                    (opt / "model").unlink(missing_ok=True)
                    (opt / "model").symlink_to(self._model_dir.resolve())
                self._opts[function.logical_id] = opt
            return self._opts[function.logical_id]
