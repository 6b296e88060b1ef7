"""The CUDA image is built, and detects with torch, on a processor: no GPU is here."""

import subprocess
from pathlib import Path

from deploy.images.engine import container, podman
from deploy.images.pods import install, passable
from scenes import Scene, write_archive

WITH_TORCH = {"JAGAWANA_RUNTIME": "torch", "JAGAWANA_DEVICE": "cpu"}


def test_only_the_cuda_image_detects_with_torch(cuda_image: str, image: str, tmp_path: Path) -> None:
    write_archive(tmp_path / "archive", [Scene(0)])
    passable(tmp_path / "archive" / "assets")
    out = install(tmp_path / "out")
    (scene,) = (tmp_path / "archive" / "assets").glob("*_image.tif")
    command = ["detect", f"/in/{scene.name}", "--out", "/out"]
    options = ["--read-only", "--tmpfs=/tmp", f"--volume={scene.parent}:/in:ro", f"--volume={out}:/out"]
    for name, code in ((image, "1"), (cuda_image, "0")):
        with container(name, command, WITH_TORCH, options) as made:
            assert podman("wait", made).strip() == code, _said(made)
            assert list(out.glob("*.mask.tif")) or ("torch" in _said(made) and code == "1")


def _said(made: str) -> str:
    done = subprocess.run(["podman", "logs", made], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr
