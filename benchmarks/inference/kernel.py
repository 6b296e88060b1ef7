"""The bare network: one window that stays in memory goes through the runtime again and again. No file, no overlap, one process.

python benchmarks/inference/kernel.py [--precision bf16] [--side 616] [--seconds 5]
"""

import argparse
import json
import time

import numpy as np
from network import WEIGHTS
from safetensors.numpy import load_file

from jagawana.detectors.inference.blocks import CORE_PX
from jagawana.detectors.inference.layers import Layers
from jagawana.detectors.inference.on_openvino import OpenVinoRuntime
from jagawana.detectors.inference.runtime import Precision, Scaling, Spare
from jagawana.detectors.known_answer import window_of
from jagawana.detectors.receptive import halo_px
from jagawana.services.detect.models import read_model_card


def rate(*, precision: Precision, threads: int, side: int | None, seconds: float) -> dict[str, float]:
    """Median Mpx/s of windows of `side` px (the usual block by default), every pixel kept; the first call compiles and does not count."""
    card = read_model_card("rgbn")
    layers = Layers.of(load_file(WEIGHTS / "rgbn.safetensors"), card.architecture.poolings)
    scaling = Scaling(np.array(card.normalisation.mean, np.float32), np.array(card.normalisation.std, np.float32), card.temperature)
    side = side or CORE_PX + 2 * halo_px(layers.poolings)
    runtime = OpenVinoRuntime(layers, scaling, precision=precision, usual_px=side, usual_spare_px=0, threads=threads)
    pixels, _ = window_of(1, side, card.normalisation)
    seen = np.ones((side, side), bool)
    runtime.stored(pixels, seen, Spare(0, 0, 0, 0))
    taken: list[float] = []
    used, end = time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 5:
        start = time.perf_counter()
        runtime.stored(pixels, seen, Spare(0, 0, 0, 0))
        taken.append(time.perf_counter() - start)
    mpx = side * side / 1e6
    return {"side": side, "mpx_per_s": mpx / float(np.median(taken)), "cpu_s_per_mpx": (time.process_time() - used) / mpx / len(taken)}


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print(json.dumps(rate(precision=given.precision, threads=given.threads, side=given.side, seconds=given.seconds)))


if __name__ == "__main__":
    main()
