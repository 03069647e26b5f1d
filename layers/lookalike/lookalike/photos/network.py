"""Run a part's network with ONNX Runtime. The only module that imports onnxruntime."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# ONNX Runtime reads it when it is imported. Without it, an official build sends events about its use to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from lookalike.errors import ModelError
from lookalike.photos.decoder import Pixels
from lookalike.photos.model_parts import DType, OnnxPart

_ONNX_TYPES: Final[dict[DType, str]] = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}

# More at once take no less time each, and their intermediate results take memory: 16 MB a photo in EfficientNet-Lite0.
_AT_ONCE: Final = 4

# Each is a direct subclass of Exception.
_RUNTIME_ERRORS: Final = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class Network:
    """A loaded network. One instance serves any number of threads.

    ``folder`` has the part's file. ONNX Runtime computes with ``threads`` threads. Raises ``ModelError`` if the file cannot be loaded
    or does not fit its description.
    """

    def __init__(self, folder: Path, part: OnnxPart, *, threads: int) -> None:
        self._part = part
        self._session = _session(folder / part.file, threads, is_precise=part.fits_16_bits or not may_saturate())
        self._takes_one = _check_graph(self._session, part)

    def describe(self, pixels: Pixels) -> NDArray[np.float32]:
        """The vectors of uint8 RGB pixels (n, size, size, 3): float32 (n, dimensions). Raises ``ModelError``."""
        at_once = 1 if self._takes_one else _AT_ONCE
        return np.concatenate([self._run(pixels[at : at + at_once]) for at in range(0, len(pixels), at_once)])

    def _run(self, pixels: Pixels) -> NDArray[np.float32]:
        part = self._part
        inputs = _inputs(part, pixels)
        try:
            (raw,) = self._session.run([part.output_name], {part.input_name: inputs})
        except _RUNTIME_ERRORS as error:
            raise ModelError(f"{part.file} failed on an input of {inputs.shape}: {error}") from error
        if raw.size != len(pixels) * part.dimensions:
            raise ModelError(
                f"{part.file} gives {raw.shape} for {len(pixels)} photos, and model.json promises "
                f"{part.dimensions} dimensions for each. Correct output.dimensions in model.json."
            )
        vectors: NDArray[np.float32] = np.asarray(raw, np.float32).reshape(len(pixels), part.dimensions)
        if part.l2_normalise:
            norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
            vectors = (vectors / np.where(norms > 0, norms, 1.0)).astype(np.float32)
        return vectors


def _inputs(part: OnnxPart, pixels: Pixels) -> NDArray[Any]:
    inputs: NDArray[Any] = pixels
    if part.dtype == "float32":
        inputs = pixels.astype(np.float32)
        if part.normalisation is not None:
            inputs *= np.float32(part.normalisation.scale)
            inputs -= np.asarray(part.normalisation.mean, np.float32)
            inputs /= np.asarray(part.normalisation.std, np.float32)
    if part.axes == "NCHW":
        inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
    return inputs


def _session(path: Path, threads: int, *, is_precise: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle workers must not spin on the core that decodes the next photo.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # This option makes ONNX Runtime rewrite all weights, even where that changes nothing: 0.5 s instead of 0.07 for 28 MB.
    options.add_session_config_entry("session.x64quantprecision", "0" if is_precise else "1")
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _RUNTIME_ERRORS as error:
        raise ModelError(f"{path} cannot be loaded ({error}). Run `make model` again.") from error


def may_saturate(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether sums of 8-bit products may saturate: on x86 processors without VNNI, unless ONNX Runtime is set to be precise.

    True as well if the processor is unknown, and on processors other than x86, whose 8-bit kernels ignore the setting.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return {"avx512_vnni", "avx_vnni"}.isdisjoint(flags)


def _check_graph(session: onnxruntime.InferenceSession, part: OnnxPart) -> bool:
    """Compare the graph's input and output with model.json. Returns whether the graph fixes the batch to one photo."""
    inputs = {item.name: item for item in session.get_inputs()}
    outputs = [item.name for item in session.get_outputs()]
    if list(inputs) != [part.input_name] or part.output_name not in outputs:
        raise ModelError(
            f"{part.file} takes {', '.join(inputs)} and gives {', '.join(outputs)}; model.json names the "
            f"input {part.input_name} and the output {part.output_name}. Correct input.name or output.name."
        )
    found = inputs[part.input_name]
    sides = (3, part.size, part.size) if part.axes == "NCHW" else (part.size, part.size, 3)
    # Sides that the graph leaves open are names or None; a batch may be open, or 1.
    fits = len(found.shape) == 4 and all(
        actual == wanted for actual, wanted in zip(found.shape, (1, *sides), strict=True) if isinstance(actual, int)
    )
    if not fits or found.type != _ONNX_TYPES[part.dtype]:
        raise ModelError(
            f"{part.file} takes {found.type} of shape {found.shape}; model.json describes {part.dtype} of "
            f"shape (batch, {', '.join(map(str, sides))}). Correct input.layout, input.dtype or input.size, "
            "or export the model with a batch of any size."
        )
    return bool(found.shape[0] == 1)
