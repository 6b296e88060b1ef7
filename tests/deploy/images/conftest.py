"""The slim image, built on `make test-images` only."""

import os
import subprocess

import pytest
from deploy.fetching import ToolMissing
from deploy.images import engine

IMAGE = "localhost/jagawana-test:slim"


@pytest.fixture(scope="session")
def image() -> str:
    """Its name."""
    if os.environ.get("JAGAWANA_IMAGES") != "required":
        pytest.skip("on a container engine: make test-images")
    try:
        print(f"base image: {engine.base()}")
        engine.build("slim", IMAGE)
    except ToolMissing as e:
        pytest.fail(str(e), pytrace=False)
    except subprocess.CalledProcessError as e:
        pytest.fail(f"{e.stdout[-2000:]}\n{e.stderr[-4000:]}", pytrace=False)
    return IMAGE
