"""Tools as fixtures. What cannot be had is skipped by name; `make test-cluster` sets JAGAWANA_CLUSTER=required, and then it fails."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from deploy import tools
from deploy.chart.rendering import Helm
from deploy.fetching import ToolMissing

T = TypeVar("T")
REQUIRED = os.environ.get("JAGAWANA_CLUSTER") == "required"


def to_be_had(tool: Callable[[], T]) -> T:
    """A tool, or the end of the test."""
    try:
        return tool()
    except ToolMissing as e:
        if REQUIRED:
            pytest.fail(str(e), pytrace=False)
        pytest.skip(str(e))


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The chart, and Helm to render it with."""
    return Helm(to_be_had(tools.helm))


@pytest.fixture(scope="session")
def hadolint() -> Path:
    return to_be_had(tools.hadolint)


@pytest.fixture(scope="session")
def compose_schema() -> Path:
    return to_be_had(tools.compose_schema)
