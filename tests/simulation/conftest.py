"""Thousands of dead letters are no news here."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)
