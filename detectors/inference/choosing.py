"""Which device, precision and runtime a network gets on this machine."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

from jagawana.detectors.inference.blocks import CORE_PX
from jagawana.detectors.inference.detector import RuntimeOf
from jagawana.detectors.inference.layers import Layers
from jagawana.detectors.inference.runtime import Precision, Runtime, Scaling
from jagawana.schemas.errors import DataError, ErrorCode

RUNTIMES = ("auto", "openvino", "torch")


def choose(device: str, precision: str, runtime: str, *, threads: int = 0) -> tuple[RuntimeOf, Precision]:
    """The runtime and precision for this machine.

    Args:
        device: auto (CUDA where there is one), cpu, cuda or cuda:N.
        precision: auto (bf16 where the hardware multiplies it), fp32 or bf16.
        runtime: auto (OpenVINO on a processor, torch on CUDA), openvino or torch.
        threads: for the processor; 0 is all of them. torch's own setting decides for torch.

    Raises:
        DataError: SETTINGS_INVALID for what this machine does not have.
    """
    place = choose_device(device)
    if runtime not in RUNTIMES:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    if runtime == "openvino" and place != "cpu":
        raise DataError(ErrorCode.SETTINGS_INVALID, f"runtime openvino runs on a processor, not on {place}; choose torch")
    exact = choose_precision(precision, place)
    if place == "cpu" and runtime != "torch":
        return partial(_on_openvino, precision=exact, threads=threads), exact
    return partial(_on_torch, device=place, precision=exact), exact


def choose_device(device: str) -> str:
    """`auto` is CUDA where there is one.

    Raises:
        DataError: SETTINGS_INVALID when the device is unknown or not in this machine.
    """
    if device == "cpu":
        return "cpu"
    if device != "auto" and device.split(":")[0] != "cuda":
        raise DataError(ErrorCode.SETTINGS_INVALID, f"device {device!r}; there are auto, cpu, cuda and cuda:N")
    if _has_cuda():
        return "cuda" if device == "auto" else device
    if device != "auto":
        raise DataError(ErrorCode.SETTINGS_INVALID, f"device {device!r}: this machine offers cpu")
    return "cpu"


def choose_precision(precision: str, device: str) -> Precision:
    """`auto` is bf16 where the hardware multiplies it (AVX-512 BF16 or AMX, CUDA from Ampere on), else fp32.

    Raises:
        DataError: SETTINGS_INVALID for anything but auto, fp32 and bf16.
    """
    if precision == "fp32":
        return "fp32"
    if precision == "bf16":
        return "bf16"
    if precision != "auto":
        raise DataError(ErrorCode.SETTINGS_INVALID, f"precision {precision!r}: choose auto, fp32 or bf16")
    return "bf16" if has_bf16(device) else "fp32"


def has_bf16(device: str) -> bool:
    """Whether bf16 is computed by the hardware; emulated, it is slower than fp32."""
    if device == "cpu":
        from jagawana.detectors.inference.on_openvino import multiplies_bf16

        return multiplies_bf16()
    import torch

    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _has_cuda() -> bool:
    """torch is only asked where there is a driver: importing it takes a second or two and some 400 MB. The slim image has none."""
    if not Path("/dev/nvidiactl").exists() or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _on_openvino(layers: Layers, scaling: Scaling, halo_px: int, *, precision: Precision, threads: int) -> Runtime:
    from jagawana.detectors.inference.on_openvino import OpenVinoRuntime

    side = CORE_PX + 2 * halo_px
    return OpenVinoRuntime(layers, scaling, precision=precision, usual_px=side, usual_spare_px=halo_px, threads=threads)


def _on_torch(layers: Layers, scaling: Scaling, halo_px: int, *, device: str, precision: Precision) -> Runtime:
    if find_spec("torch") is None:
        raise DataError(
            ErrorCode.SETTINGS_INVALID, "runtime torch: it is not installed; leave JAGAWANA_RUNTIME out, or take the CUDA image"
        )
    import torch

    from jagawana.detectors.inference.on_torch import TorchRuntime

    return TorchRuntime(layers, scaling, device=torch.device(device), precision=precision)
