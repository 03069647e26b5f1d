"""Functions from their sources: the code of this repository with the packages of this Python."""

import os
from pathlib import Path
from typing import Final

from scripts.local.environment import lambda_variables
from scripts.local.execution_environment import Launch, Launcher
from scripts.local.lifeline import python
from scripts.local.template import Function

# A cold start loads ONNX Runtime and a model; on a busy machine it takes longer than Lambda's ten seconds.
_INIT_LIMIT_S: Final = 120.0
# A process needs these to run at all.
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def from_sources(model_dir: Path) -> Launcher:
    """Starts functions from their sources; ``model_dir`` takes the place of the layer's /opt/model."""

    def launch(function: Function, endpoint_url: str, log_path: Path) -> Launch:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        variables = inherited | lambda_variables(function, endpoint_url) | dict(function.environment)
        if "MODEL_DIR" in function.environment:
            variables["MODEL_DIR"] = str(model_dir.resolve())
        return Launch(python("scripts.local.worker"), variables, log_path, (_INIT_LIMIT_S,))

    return launch
