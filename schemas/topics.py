"""Topic names: the flow's joints, and the promise to subscribers."""

from enum import StrEnum


class Topic(StrEnum):
    """Topics carry a major version; a change that breaks a reader opens a new topic."""

    SCENES = "scenes.acquired.v1"
    OBSERVATIONS = "observations.recorded.v1"
    COVERAGE = "coverage.v1"
    ALERTS = "alerts.restricted.v1"
