"""Turn photos into embeddings with ONNX Runtime. The only module that imports onnxruntime.

The embedder works with any model: ``model.json`` describes the input, the output and the dimensions.
"""

import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# ONNX Runtime reads it when it is imported. Without it, an official build sends events about its use to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from lookalike.errors import ImageError, ModelError, UndecodableImage
from lookalike.layout import Layout
from lookalike.photos.decoder import DecoderPool, Pixels
from lookalike.photos.headers.header import MAX_PIXELS
from lookalike.photos.model import MODEL_FILE, DType, ModelSpec
from lookalike.photos.regions import Region

Embedding = NDArray[np.float32]

DRIFT_TOLERANCE: Final = 0.1
"""``drift`` warns above this Euclidean distance between the probe's embedding and the recorded one."""

_ONNX_TYPES: Final[dict[DType, str]] = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}

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

_log = logging.getLogger(__name__)


class Embedder:
    """A loaded model. One instance serves any number of threads.

    ``folder`` has model.onnx and model.json. ONNX Runtime computes with ``threads`` threads, and as many processes
    decode photos.
    ``batch_size`` is the largest number of photos in one run of the model. Raises ``ModelError`` if the folder is incomplete
    or its two files disagree.
    """

    def __init__(self, folder: Path, *, threads: int, batch_size: int = 16, max_pixels: int = MAX_PIXELS) -> None:
        if threads < 1 or batch_size < 1:
            raise ValueError("threads and batch_size must be at least 1")
        self.spec = ModelSpec.load(folder)
        self.fingerprint = self.spec.fingerprint
        self.dimensions = self.spec.dimensions
        self.layout = Layout.of_one_part(self.dimensions)
        # Before the model is loaded: the decoder's process starts meanwhile.
        self._decoder = DecoderPool(size=self.spec.size, max_pixels=max_pixels, processes=threads)
        self._session = _session(folder / MODEL_FILE, threads)
        fixed_batch = _check_graph(self._session, self.spec)
        self._batch_size = fixed_batch or batch_size
        self._decoders = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def embed(self, images: Sequence[bytes]) -> list[Embedding | ImageError]:
        """Embed photos. Returns for each, in order, float32 (``dimensions``,) or the error that refuses it.

        Embeddings are finite and not zero, and of unit length if the model says so. The next batch is decoded while the model
        works on this one. Raises ``ModelError`` if the model fails, and ``DecoderUnavailable`` if the
        decoder does not answer.
        """
        batches = [images[at : at + self._batch_size] for at in range(0, len(images), self._batch_size)]
        results: list[Embedding | ImageError] = []
        decoding = [self._decoders.submit(self._try_decode, image) for image in batches[0]] if batches else []
        for following in [*batches[1:], ()]:
            decoded = [future.result() for future in decoding]
            decoding = [self._decoders.submit(self._try_decode, image) for image in following]
            results += self._embed_decoded(decoded)
        return results

    def embed_regions(self, photo: bytes, regions: Sequence[Region]) -> list[Embedding | ImageError]:
        """Embed regions of one photo, which is decoded once, each as a photo of its own would be.

        Returns for each, in order, what ``embed`` returns. Raises the ``ImageError`` that refuses the photo, and what ``embed``
        raises.
        """
        pixels = self._decoder.decode_regions(photo, regions)
        starts = range(0, len(pixels), self._batch_size)
        return [_usable(row) for at in starts for row in self.embed_pixels(pixels[at : at + self._batch_size])]

    def embed_pixels(self, pixels: Pixels) -> Embedding:
        """Embed uint8 RGB pixels (n, size, size, 3) in one run of the model: float32 (n, dimensions)."""
        spec = self.spec
        inputs: NDArray[Any] = pixels
        if spec.dtype == "float32":
            inputs = pixels.astype(np.float32)
            if spec.normalisation is not None:
                inputs *= np.float32(spec.normalisation.scale)
                inputs -= np.asarray(spec.normalisation.mean, np.float32)
                inputs /= np.asarray(spec.normalisation.std, np.float32)
        if spec.layout == "NCHW":
            inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
        try:
            (raw,) = self._session.run([spec.output_name], {spec.input_name: inputs})
        except _RUNTIME_ERRORS as error:
            raise ModelError(f"The model {spec.name} failed on an input of {inputs.shape}: {error}") from error
        if raw.size != len(pixels) * spec.dimensions:
            raise ModelError(
                f"The model {spec.name} gives {raw.shape} for {len(pixels)} photos, and model.json promises "
                f"{spec.dimensions} dimensions for each. Correct output.dimensions in model.json."
            )
        embeddings: Embedding = np.asarray(raw, np.float32).reshape(len(pixels), spec.dimensions)
        if spec.l2_normalise:
            norms = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
            embeddings = (embeddings / np.where(norms > 0, norms, 1.0)).astype(np.float32)
        return embeddings

    def probe(self) -> Embedding:
        """The embedding of the built-in probe image, float32 (dimensions,)."""
        embedding: Embedding = self.embed_pixels(probe_pixels(self.spec.size)[np.newaxis])[0]
        return embedding

    def drift(self) -> float:
        """The Euclidean distance between the probe's embedding on this processor and the recorded one.

        8-bit kernels differ between processors, and embeddings of different kernels meet in one store, so a drift above
        ``DRIFT_TOLERANCE`` is logged as a warning. The drift of an embedding that is not finite is the largest float32, because
        metrics take finite numbers only. Costs one run of the model. Raises ``ModelError`` if model.json records no probe.
        """
        if self.spec.probe is None:
            raise ModelError("model.json records no probe embedding. Run `make model` again.")
        recorded = np.frombuffer(self.spec.probe, "<f4")
        distance = float(np.linalg.norm(self.probe().astype(np.float64) - recorded))
        if not math.isfinite(distance):
            distance = float(np.finfo(np.float32).max)
        if distance > DRIFT_TOLERANCE:
            _log.warning(
                "The model %s embeds the probe image %.4g away from the recorded embedding (tolerance %.2f): "
                "this processor computes differently, or model.onnx is not the file model.json describes.",
                self.spec.name,
                distance,
                DRIFT_TOLERANCE,
            )
        return distance

    def _try_decode(self, data: bytes) -> Pixels | ImageError:
        try:
            return self._decoder.decode(data)
        except ImageError as error:
            return error

    def _embed_decoded(self, decoded: list[Pixels | ImageError]) -> list[Embedding | ImageError]:
        pixels = [item for item in decoded if not isinstance(item, ImageError)]
        embeddings = iter(self.embed_pixels(np.stack(pixels)) if pixels else ())
        return [item if isinstance(item, ImageError) else _usable(next(embeddings)) for item in decoded]


def probe_pixels(size: int) -> Pixels:
    """The built-in probe image, uint8 (size, size, 3): ramps, stripes and a disc, computed with integers only."""
    y, x = np.mgrid[0:size, 0:size].astype(np.int64)
    stripes = (x * 56 // size + y * 32 // size) % 2 * 160 + 40
    picture = np.stack([x * 255 // size, y * 255 // size, stripes], axis=-1)
    disc = (2 * x - size) ** 2 + (2 * y - size) ** 2 < size**2 // 3
    picture[disc] = 255 - picture[disc][:, ::-1] // 2
    return picture.astype(np.uint8)


def _usable(embedding: Embedding) -> Embedding | ImageError:
    if np.isfinite(embedding).all() and embedding.any():
        return embedding
    # Nothing can be compared with such a vector. It must not fail the other photos of its batch.
    return UndecodableImage("The model finds nothing in the photo to compare. Send another photo.")


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle workers must not spin on the core that decodes the next photo.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # This option makes ONNX Runtime rewrite all weights, even on processors that do not need it: 0.4 s instead of 0.05 for 28 MB.
    options.add_session_config_entry("session.x64quantprecision", "1" if may_saturate() else "0")
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


def _check_graph(session: onnxruntime.InferenceSession, spec: ModelSpec) -> int | None:
    """Compare the graph's input and output with model.json.

    Returns the batch size where the graph fixes it to 1, and None where any will do.
    """
    inputs = {item.name: item for item in session.get_inputs()}
    outputs = [item.name for item in session.get_outputs()]
    if list(inputs) != [spec.input_name] or spec.output_name not in outputs:
        raise ModelError(
            f"model.onnx takes {', '.join(inputs)} and gives {', '.join(outputs)}; model.json names the "
            f"input {spec.input_name} and the output {spec.output_name}. Correct input.name or output.name."
        )
    found = inputs[spec.input_name]
    sides = (3, spec.size, spec.size) if spec.layout == "NCHW" else (spec.size, spec.size, 3)
    # Sides that the graph leaves open are names or None; a batch may be open, or 1.
    fits = len(found.shape) == 4 and all(
        actual == wanted for actual, wanted in zip(found.shape, (1, *sides), strict=True) if isinstance(actual, int)
    )
    if not fits or found.type != _ONNX_TYPES[spec.dtype]:
        raise ModelError(
            f"model.onnx takes {found.type} of shape {found.shape}; model.json describes {spec.dtype} of "
            f"shape (batch, {', '.join(map(str, sides))}). Correct input.layout, input.dtype or input.size, "
            "or export the model with a batch of any size."
        )
    return 1 if found.shape[0] == 1 else None
