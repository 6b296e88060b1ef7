"""The hints of an alert, from the fold that shows it and the picture of its evidence."""

from jagawana.detectors.change import Change
from jagawana.detectors.grid import cell_square, tile_square
from jagawana.detectors.hints.hints import hints_of
from jagawana.detectors.hints.reading import ground_at
from jagawana.schemas.alert import AlertState, ChangeClass
from jagawana.schemas.base import CellId, TileId
from jagawana.schemas.hints import Hint
from jagawana.services.assess.histories import Stream


def hints_for(tile: TileId, cell: CellId, change: Change, stream: Stream) -> tuple[Hint, ...]:
    """Values of the mining in and around a cell, as the last look that shows the change saw it; none for what is no mining, or over."""
    if change.change_class is not ChangeClass.MINING or change.state is AlertState.ENDED:
        return ()
    picture = stream.picture(stream.row(change.after))
    return hints_of(ground_at(stream.state, tile_square(tile), cell_square(cell), change.after, picture))
