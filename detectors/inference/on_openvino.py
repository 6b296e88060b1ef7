"""The processor's runtime: OpenVINO compiles the whole graph, from reflectance to the bytes that are stored.

On processors that multiply bf16 it is twice as fast as torch, and it needs no torch at all (benchmarks/README.md).
"""

from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op

from jagawana.detectors.detector import Mask, Probabilities, Reflectance, StoredBytes
from jagawana.detectors.history import FLOOR
from jagawana.detectors.inference.layers import Convolution, Layers, Merge, margins_at_levels
from jagawana.detectors.inference.runtime import STORED, WHOLE, Precision, Scaling, Spare

HINTS = {"fp32": "f32", "bf16": "bf16"}
Node = Any


class OpenVinoRuntime:
    """See Runtime. Graphs are compiled (0.1 s) when first needed: for the usual block, whose spare edges are never computed; for blocks
    of its shape at a scene's edge; and for all others, which cost half as much again per pixel because their shape is open."""

    def __init__(
        self, layers: Layers, scaling: Scaling, *, precision: Precision, usual_px: int, usual_spare_px: int, threads: int = 0
    ) -> None:
        self._layers, self._scaling = layers, scaling
        self._config = {"INFERENCE_PRECISION_HINT": HINTS[precision], "NUM_STREAMS": 1}
        if threads:
            self._config["INFERENCE_NUM_THREADS"] = threads
        self._usual = (usual_px, usual_px), Spare(*[usual_spare_px] * 4)
        self._requests: dict[tuple[str, bool], Any] = {}

    @property
    def name(self) -> str:
        """See Runtime."""
        return f"openvino{ov.__version__.split('-')[0]}-cpu"

    def stored(self, pixels: Reflectance, seen: Mask, spare: Spare) -> StoredBytes:
        """See Runtime."""
        kind = "usual" if (seen.shape, spare) == self._usual else "edge" if seen.shape == self._usual[0] else "any"
        answer: StoredBytes = self._answer(pixels, seen, kind, stored=True)
        height, width = seen.shape
        return answer if kind == "usual" else answer[:, spare.top : height - spare.bottom, spare.left : width - spare.right]

    def probabilities(self, pixels: Reflectance, seen: Mask) -> Probabilities:
        """See Runtime."""
        answer: Probabilities = self._answer(pixels, seen, "any", stored=False).copy()
        return answer

    def _answer(self, pixels: Reflectance, seen: Mask, kind: str, *, stored: bool) -> Any:
        """A view that is good until the next call."""
        request = self._request(kind, stored=stored)
        inputs = [np.ascontiguousarray(pixels)[None], np.ascontiguousarray(seen)[None, None]]
        request.infer(inputs, share_inputs=True)
        return request.get_output_tensor(0).data[0]

    def _request(self, kind: str, *, stored: bool) -> Any:
        if (kind, stored) not in self._requests:
            shape = (-1, -1) if kind == "any" else self._usual[0]
            graph = _Graph(self._layers, self._scaling).model(shape, self._usual[1].top if kind == "usual" else 0, stored=stored)
            self._requests[kind, stored] = ov.Core().compile_model(graph, "CPU", self._config).create_infer_request()
        return self._requests[kind, stored]


def multiplies_bf16() -> bool:
    """Whether this processor computes bf16 by itself (AVX-512 BF16, AMX); emulated, it is slower than fp32."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class _Graph:
    """Builds the graph of a network."""

    def __init__(self, layers: Layers, scaling: Scaling) -> None:
        self._layers, self._scaling = layers, scaling

    def model(self, shape: tuple[int, int], spare_px: int, *, stored: bool) -> ov.Model:
        """Reflectance float32 (1, B, h, w) and seen bool (1, 1, h, w) in; stored bytes or probabilities out."""
        pixels = op.parameter([1, self._layers.bands, *shape], np.float32, name="pixels")
        seen = op.parameter([1, 1, *shape], np.bool_, name="seen")
        logits = self._logits(self._normalised(pixels, seen), spare_px)
        softmax = op.softmax(op.divide(op.convert(logits, "f32"), _constant(self._scaling.temperature)), 1)
        return ov.Model([_as_stored(softmax) if stored else softmax], [pixels, seen])

    def _normalised(self, pixels: Node, seen: Node) -> Node:
        mean, std = (_constant(v.reshape(1, -1, 1, 1)) for v in (self._scaling.mean, self._scaling.std))
        return op.select(seen, op.divide(op.subtract(pixels, mean), std), _constant(0.0))

    def _logits(self, x: Node, spare_px: int) -> Node:
        skips = []
        for level, (first, second) in enumerate(self._layers.downs):
            if level:
                x = op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
            x = _relu(second, _relu(first, x))
            skips.append(x)
        skips.pop()
        cut = 0
        plan = margins_at_levels(spare_px, self._layers.poolings)
        for (merge, second), wanted in zip(self._layers.ups, reversed(plan), strict=True):
            x = _relu(second, _merged(merge, _cropped(skips.pop(), wanted), _cropped(x, wanted // 2 - cut)))
            cut = wanted
        return _convolved(self._layers.head, _cropped(x, spare_px - cut))


def _constant(value: Any) -> Node:
    return op.constant(np.asarray(value, np.float32))


def _convolved(layer: Convolution, x: Node) -> Node:
    return op.add(_bare(layer.kernel, x), _constant(layer.bias.reshape(1, -1, 1, 1)))


def _bare(kernel: Any, x: Node) -> Node:
    pad = [kernel.shape[-1] // 2] * 2
    return op.convolution(x, _constant(kernel), [1, 1], pad, pad, [1, 1])


def _relu(layer: Convolution, x: Node) -> Node:
    return op.relu(_convolved(layer, x))


def _merged(merge: Merge, skip: Node, coarse: Node) -> Node:
    enlarged = op.depth_to_space(_bare(merge.coarse, coarse), "depth_first", 2)
    return op.relu(op.add(_convolved(merge.skip, skip), enlarged))


def _cropped(x: Node, spare_px: int) -> Node:
    if not spare_px:
        return x
    first, last, step, axes = ([spare_px] * 2, [-spare_px] * 2, [1, 1], [2, 3])
    return op.slice(x, *(op.constant(np.array(v, np.int64)) for v in (first, last, step, axes)))


def _as_stored(softmax: Node) -> Node:
    chosen = op.gather(softmax, op.constant(np.array(STORED, np.int64)), op.constant(np.int64(1)))
    scaled = op.round(op.multiply(chosen, _constant(float(WHOLE))))
    return op.convert(op.select(op.less(scaled, _constant(float(FLOOR))), _constant(0.0), scaled), "u8")
