"""The CUDA image is built, and its torch gives the known answers on a processor. No GPU is here."""

import json

from deploy.images.engine import container, podman


def test_the_cuda_image_detects_with_torch(cuda_image: str) -> None:
    environment = {"JAGAWANA_RUNTIME": "torch", "JAGAWANA_DEVICE": "cpu"}
    with container(cuda_image, ["doctor", "--json"], environment, ["--read-only", "--tmpfs=/tmp"]) as made:
        assert podman("wait", made).strip() == "0"
        found = json.loads(podman("logs", made))
    assert found["torch"] not in (None, "not installed")
    models = [str(value) for name, value in found.items() if name.startswith("model")]
    assert len(models) == 2
    assert all("known answer given" in value and "torch" in value for value in models)
