"""The classes a detector tells apart, and the order of every probability array's first axis."""

from enum import IntEnum

from jagawana.schemas.alert import ChangeClass


class LandClass(IntEnum):
    """Index of a class in probability arrays and in mask files; the first five are what an interpreter can draw at 10 m."""

    BACKGROUND = 0  # forest, vegetation, grass
    MINING = 1  # bare worked ground, tailings and the ponds between
    ROAD = 2  # tracks and roads
    WATER = 3  # rivers and lakes
    BARE = 4  # other bare ground: sandbars, fields, villages
    HUT = 5  # roofs; from simulation only, never single huts at 10 m


NOT_OBSERVED = 255
"""Mask value of a pixel that was not seen: fill, cloud or shadow."""
ALERTABLE = {ChangeClass.MINING: LandClass.MINING, ChangeClass.ROAD: LandClass.ROAD, ChangeClass.HUT: LandClass.HUT}
