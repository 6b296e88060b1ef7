"""Images, built on `make test-images` only. JAGAWANA_IMAGES may also name two that are there: slim,cuda."""

import os
import subprocess

import pytest
from deploy.fetching import ToolMissing
from deploy.images import engine

SLIM, CUDA = "localhost/jagawana-test:slim", "localhost/jagawana-test:cuda"


def built(target: str, name: str) -> str:
    """An image of a target; its name."""
    asked = os.environ.get("JAGAWANA_IMAGES")
    if asked is None:
        pytest.skip("on a container engine: make test-images")
    try:
        if asked != "required":
            return dict(zip(("slim", "cuda"), asked.split(","), strict=True))[target]
        print(f"base image: {engine.base()}")
        engine.build(target, name)
    except ToolMissing as e:
        pytest.fail(str(e), pytrace=False)
    except subprocess.CalledProcessError as e:
        pytest.fail(f"{e.stdout[-2000:]}\n{e.stderr[-4000:]}", pytrace=False)
    return name


@pytest.fixture(scope="session")
def image() -> str:
    return built("slim", SLIM)


@pytest.fixture(scope="session")
def cuda_image() -> str:
    return built("cuda", CUDA)
