"""Who may do what at the brokers, from the catalogue and the file of agencies. Nothing that is not granted is allowed."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from jagawana.schemas.base import Model
from jagawana.schemas.catalogue import CATALOGUE, Role, Tier, TopicPromise
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault

OURS = "jagawana-"
"""Begins the users and consumer groups of our own rooms: jagawana-detect, jagawana-relay, …"""
GROUPS_OF: Mapping[Role, str] = {Role.DETECT: f"{OURS}detect", Role.ASSESS: f"{OURS}assess"}
"""Consumer groups of rooms that read."""


class Agency(Model):
    """One agency: a user at the brokers, what it may read, and how its consumer groups' names begin."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$", description="its user at the brokers")
    tiers: frozenset[Tier] = frozenset({Tier.OPEN})
    group_prefix: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$")


class AgenciesFile(Model):
    """A TOML file of `[[agency]]` tables."""

    agency: tuple[Agency, ...] = ()

    @model_validator(mode="after")
    def _stand_apart(self) -> Self:
        """No agency may read another's offsets, or ours."""
        prefixes = [OURS, *(a.group_prefix for a in self.agency)]
        for n, one in enumerate(prefixes):
            for other in prefixes[n + 1 :]:
                if one.startswith(other) or other.startswith(one):
                    raise ValueError(f"group_prefix {other!r} and {one!r} overlap; let each end in its own name and a dash")
        names = [a.name for a in self.agency]
        taken = sorted({name for name in names if names.count(name) > 1 or name.startswith(OURS)})
        if taken:
            raise ValueError(f"name {taken[0]!r} is taken; each agency has its own user, and {OURS}… are ours")
        return self


@dataclass(frozen=True, order=True)
class Grant:
    """One line of the access list: a user may do an operation on one topic or group, or on all groups that begin so."""

    user: str
    operation: Literal["READ", "WRITE"]
    resource: Literal["TOPIC", "GROUP"]
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.user} may {self.operation} {self.resource.lower()} {self.name}{'*' if self.prefixed else ''}"


def load_agencies(file: Path | None) -> Sequence[Agency]:
    """The agencies of a file; none without one.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    if file is None:
        return ()
    try:
        return AgenciesFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).agency
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{file}: {e}; see docs/agencies.md for an example") from e
    except ValidationError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{file} {first_fault(e)}; see docs/agencies.md for an example") from e


def grants(agencies: Sequence[Agency]) -> frozenset[Grant]:
    """Everything that anybody may do. Reading and writing carry the right to describe with them."""
    return frozenset([*_of_roles(), *(grant for agency in agencies for grant in _of_agency(agency))])


def user_of(role: Role) -> str:
    """The user of a room, or of operators."""
    return f"{OURS}{role}"


def _of_roles() -> Iterator[Grant]:
    for promise in CATALOGUE.values():
        for role in promise.readers - {Role.AGENCY}:
            yield Grant(user_of(role), "READ", "TOPIC", promise.topic)
        for role in promise.writers:
            yield Grant(user_of(role), "WRITE", "TOPIC", promise.topic)
    for role, group in GROUPS_OF.items():
        yield Grant(user_of(role), "READ", "GROUP", group)
    yield Grant(user_of(Role.OPERATOR), "READ", "GROUP", f"{user_of(Role.OPERATOR)}-", prefixed=True)


def _of_agency(agency: Agency) -> Iterator[Grant]:
    for promise in CATALOGUE.values():
        if _may_read(agency, promise):
            yield Grant(agency.name, "READ", "TOPIC", promise.topic)
    yield Grant(agency.name, "READ", "GROUP", agency.group_prefix, prefixed=True)


def _may_read(agency: Agency, promise: TopicPromise) -> bool:
    return Role.AGENCY in promise.readers and promise.tier in agency.tiers | {Tier.OPEN}
