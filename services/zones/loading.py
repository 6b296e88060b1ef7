"""A layer's next version comes into force, or is refused and the one in force stays; in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from sqlmodel import Session

from jagawana.rules.zones import Zone
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.store import zones as store
from jagawana.services.zones.changes import LayerChange, change_of, refuse_unreviewed, with_ids_of


def load_layer(
    session: Session, layer: str, layer_version: str | None, zones: Sequence[Zone], *, accept_change: bool, at: datetime
) -> tuple[str, LayerChange]:
    """Make these zones the active version of their layer; its name, and what it changes of the one before.

    Args:
        layer_version: without one, the day; the second of a day is called 2026-01-31.2.
        accept_change: take it although it changes more of the layer than an update usually does.
        at: now.

    Raises:
        DataError: ZONES_HELD when a person must look first; ZONES_INVALID when the version is another's name, or makes a crowd.
    """
    before = store.of_layer(session, layer)
    named = _named(session, layer, layer_version, with_ids_of(before, zones), at)
    version = named[0].layer_version
    change = change_of(before, named)
    if not accept_change:
        refuse_unreviewed(layer, version, change)
    store.activate(session, layer, version, named, at=at)
    return version, change


def _named(session: Session, layer: str, layer_version: str | None, zones: Sequence[Zone], at: datetime) -> list[Zone]:
    """The zones under a version that is not another's: verdicts cite it, so its content never changes."""
    day = f"{at:%Y-%m-%d}"
    names = (day if n == 1 else f"{day}.{n}" for n in count(1)) if layer_version is None else iter([layer_version])
    for name in names:
        named = [replace(z, layer_version=name) for z in zones]
        if not store.is_taken(session, layer, name, named):
            return named
    raise DataError(
        ErrorCode.ZONES_INVALID,
        f"{layer} {layer_version} was loaded before with other zones, and verdicts cite it; give this one a --layer-version of its own",
    )
