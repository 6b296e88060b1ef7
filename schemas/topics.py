"""Topic names: the flow's joints, and the promise to subscribers. What each topic holds is in `catalogue`."""

from enum import StrEnum


class Topic(StrEnum):
    """Topics carry a major version; a change that breaks a reader opens a new topic."""

    SCENES = "scenes.acquired.v1"
    OBSERVATIONS = "observations.recorded.v1"
    COVERAGE = "coverage.v1"
    ALERTS = "alerts.restricted.v1"
    ALERT_STATE = "alerts.restricted.state.v1"
    HEARTBEAT = "heartbeat.v1"
    DEAD_LETTERS = "dead-letters.v1"
