"""The part ``category``: an EfficientNet-Lite without its classifier, its features reduced to fewer dimensions.

Features of a classifier lie in a narrow cone, because no value is negative, and there are more of them than a product needs. So
the graph takes their mean off and projects them. Mean and projection come from the weights alone, and from no photos:

- The last batch normalisation knows what it saw in training: before ReLU6, each channel is about normal with its ``bias`` as
  mean and its ``weight`` as standard deviation.
- The classifier tells a thousand classes apart by the scalar products of features with its rows. The right singular vectors of
  its weights are the directions in which these products differ most.
"""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.errors import ModelError
from scripts.models.efficientnet_lite import Graph, add_features
from scripts.models.torch_file import Tensors, read_tensors

OUTPUT: Final = "embedding"

_GRID: Final = 2.0**-16

Array = npt.NDArray[np.float64]


def write_category(weights: Path, destination: Path, *, size: int, dimensions: int) -> None:
    """Write the graph from uint8 ``image`` (batch, size, size, 3) to ``OUTPUT`` (batch, dimensions), not of unit length.

    The same weights give the same bytes on every machine. Raises ``ModelError`` where they are not those of an EfficientNet-Lite.
    """
    tensors = read_tensors(weights)
    graph = Graph()
    try:
        features = add_features(graph, tensors, size=size)
        mean = feature_mean(tensors)
        directions = class_directions(tensors, dimensions)
    except (KeyError, ValueError) as error:
        raise ModelError(f"The weights are not those of an EfficientNet-Lite ({error}).") from error
    graph.add("Gemm", features, directions, -mean @ directions, output=OUTPUT)
    model = graph.model(size=size, output=OUTPUT, dimensions=dimensions)
    destination.write_bytes(model.SerializeToString(deterministic=True))


def feature_mean(tensors: Tensors) -> Array:
    """The expected pooled features, by the statistics of the last batch normalisation: (channels,)."""
    means, deviations = (tensors[f"_bn1.{name}"].astype(np.float64) for name in ("bias", "weight"))
    return np.array([_clipped_mean(mean, abs(deviation)) for mean, deviation in zip(means, deviations, strict=True)])


def class_directions(tensors: Tensors, dimensions: int) -> Array:
    """Orthonormal directions of features by which the classifier tells classes apart: (channels, dimensions), strongest first."""
    classifier: npt.NDArray[Any] = tensors["_fc.weight"].astype(np.float64)
    # What all classes have in common tells none from another.
    _, _, directions = np.linalg.svd(classifier - classifier.mean(axis=0), full_matrices=False)
    chosen = directions[:dimensions]
    # The sign of a singular vector is arbitrary, and its last bits differ between processors.
    strongest = np.take_along_axis(chosen, np.abs(chosen).argmax(axis=1)[:, None], axis=1)
    rounded: Array = np.round((chosen * np.sign(strongest)).T / _GRID) * _GRID
    return rounded


def _clipped_mean(mean: float, deviation: float) -> float:
    """The expectation of min(max(x, 0), 6) for a normal x."""
    return _positive_mean(mean, deviation) - _positive_mean(mean - 6, deviation)


def _positive_mean(mean: float, deviation: float) -> float:
    """The expectation of max(x, 0) for a normal x."""
    if not deviation:
        return max(mean, 0.0)
    z = mean / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return mean * (1 + math.erf(z / math.sqrt(2))) / 2 + deviation * density
