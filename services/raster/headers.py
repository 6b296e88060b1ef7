"""Headers of loose files, read through the same decoder as a scene's assets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jagawana.services.raster.decoding import DecoderLimits, RasterHeader, decoder
from jagawana.services.settings import Settings

HeadersOf = Callable[[Sequence[Path]], Mapping[Path, RasterHeader]]


def headers_of(settings: Settings) -> HeadersOf:
    """A function that reads headers under the settings' limits."""
    limits = DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)

    def read(paths: Sequence[Path]) -> Mapping[Path, RasterHeader]:
        with decoder({str(p): p for p in paths}, limits) as pixels:
            return {p: pixels.header(str(p)) for p in paths}

    return read
