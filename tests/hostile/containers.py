"""Group A: containers and files, A01 to A34."""

import io
import os
import random
import struct

import numpy as np
import rasterio
from hostile import tiff
from hostile.table import Accepted, Case, Spoil, Target, content, image, item
from hostile.tiff import LONG, SHORT, build, fields, one_block, pixels_of, strips, tiles
from PIL import Image

from jagawana.schemas.errors import ErrorCode

SIDE = 96
BOMB_SIDE, BOMB_TILES, BOMB_BANDS = 4096, 23, 12
"""386 million pixels, as many as a scene may have, in twelve bands of 16 bits: 9.3 GB from one compressed block that all share."""


def _good(t: Target, changes: dict[int, tuple[int, object]] | None = None, *, next_directory: int | None = 0) -> bytes:
    """The good image anew, uncompressed, with other fields."""
    pixels = pixels_of(t.image)
    return build(strips(pixels) | (changes or {}), before=pixels.tobytes(), next_directory=next_directory)  # type: ignore[arg-type]


def _tag(number: int, kind: int, *values: int) -> Spoil:
    return content(lambda t: _good(t, {number: (kind, values)}))


def _bomb(codec: str, compression: int) -> Spoil:
    def make(t: Target) -> bytes:
        block = one_block(t.image.parent, codec, BOMB_SIDE)
        count = BOMB_TILES * BOMB_BANDS
        shape = fields(BOMB_SIDE, BOMB_SIDE * BOMB_TILES, samples=BOMB_BANDS, compression=compression)
        return build(shape | tiles(BOMB_SIDE, [8] * count, [len(block)] * count), before=block)

    return content(make)


def _sparse(rows: int, columns: int, *, samples: int = 1, side: int = 512) -> Spoil:
    """A file without any block."""
    count = -(-rows // side) * -(-columns // side) * samples
    return content(lambda _: build(fields(rows, columns, samples=samples) | tiles(side, [0] * count, [0] * count)))


def _many_bands(t: Target) -> bytes:
    block = np.full((SIDE, SIDE), 1500, np.uint16).tobytes()
    shape = fields(SIDE, SIDE, samples=65_535)
    return build(
        shape
        | {tiff.STRIP_OFFSETS: (LONG, [8] * 65_535), tiff.STRIP_BYTES: (LONG, [len(block)] * 65_535), tiff.ROWS_PER_STRIP: (LONG, [SIDE])},
        before=block,
    )


def _random_tags(_: Target) -> bytes:
    rng = random.Random(9)
    tags = sorted(rng.sample(range(65_536), 65_535))
    entries = b"".join(struct.pack("<HHII", tag, rng.randrange(1, 19), rng.randrange(1 << 16), rng.randrange(1 << 20)) for tag in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, 65_535) + entries + bytes(4)


def _cut_directory(t: Target) -> bytes:
    whole = _good(t)
    start = struct.unpack("<I", whole[4:8])[0]
    return whole[: start + 2 + 12 * 5]


def _flip_stream(t: Target) -> bytes:
    """Compressed blocks overwritten; header whole, size unchanged."""
    whole = bytearray(t.image.read_bytes())
    whole[500 : len(whole) - 600] = b"\xff" * (len(whole) - 1100)
    return bytes(whole)


def _picture(kind: str) -> Spoil:
    def make(_: Target) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE), (30, 90, 40)).save(buffer, kind)
        return buffer.getvalue()

    return content(make)


def _vrt(source: str) -> bytes:
    return _dataset(f'<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>{_source(source)}</SimpleSource></VRTRasterBand>')


def _raw_vrt(source: str) -> bytes:
    """Hands out the bytes of any file as pixels."""
    band = f'<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">{_source(source)}'
    return _dataset(f"{band}<ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>96</LineOffset></VRTRasterBand>")


def _python_vrt(source: str, written: str) -> bytes:
    code = f"def f(*a, **k):\n  open('{written}', 'w').write('ran')\n"
    function = f"<PixelFunctionType>f</PixelFunctionType><PixelFunctionCode><![CDATA[\n{code}]]></PixelFunctionCode>"
    band = f'<VRTRasterBand dataType="UInt16" band="1" subClass="VRTDerivedRasterBand">{function}'
    language = "<PixelFunctionLanguage>Python</PixelFunctionLanguage>"
    return _dataset(f"{band}{language}<SimpleSource>{_source(source)}</SimpleSource></VRTRasterBand>")


def _source(name: str) -> str:
    return f'<SourceFilename relativeToVRT="0">{name}</SourceFilename><SourceBand>1</SourceBand>'


def _dataset(band: str) -> bytes:
    return f'<VRTDataset rasterXSize="96" rasterYSize="96">{band}</VRTDataset>'.encode()


WMS = (
    '<GDAL_WMS><Service name="TMS"><ServerUrl>{0}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>'
    "<DataWindow><SizeX>96</SizeX><SizeY>96</SizeY></DataWindow></GDAL_WMS>"
)
INDEX = "<GDALTileIndexDataset><IndexDataset>{0}/items.json</IndexDataset><IndexLayer>x</IndexLayer></GDALTileIndexDataset>"
COLLECTION = '{{"type":"FeatureCollection","stac_version":"1.0.0","features":[],"links":[{{"rel":"next","href":"{0}"}}]}}'
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
    "<GDALMetadata><Item name='x'>&i;</Item></GDALMetadata>\0"
)
WRONG = ErrorCode.LAYOUT_INVALID
BAD_MAGIC, DECODE_FAILED, DECODED_TOO_LARGE = ErrorCode.BAD_MAGIC, ErrorCode.DECODE_FAILED, ErrorCode.DECODED_TOO_LARGE


def _jpeg_inside(t: Target) -> None:
    with rasterio.open(t.image, "w", driver="GTiff", height=SIDE, width=SIDE, count=3, dtype="uint8", compress="jpeg") as file:
        file.write(np.random.default_rng(21).integers(0, 255, (3, SIDE, SIDE), np.uint8))


def _lab(_: Target) -> bytes:
    """Three bands of lightness and colour, which GDAL turns into red, green, blue and alpha."""
    body = bytes(SIDE * SIDE * 3)
    strip = {tiff.STRIP_OFFSETS: (LONG, [8]), tiff.STRIP_BYTES: (LONG, [len(body)]), tiff.ROWS_PER_STRIP: (LONG, [SIDE])}
    return build(fields(SIDE, SIDE, samples=3, bits=8, planar=1) | strip | {tiff.PHOTOMETRIC: (SHORT, [8])}, before=body)


def _truncated(t: Target) -> None:
    os.truncate(t.image, t.image.stat().st_size // 2)


CASES = (
    Case("A01", "an empty file, described as such", ErrorCode.MESSAGE_INVALID, image(lambda t: t.image.write_bytes(b""))),
    Case("A01", "a file emptied after it was described", ErrorCode.SIZE_MISMATCH, lambda t: (t.image.write_bytes(b""), None)[1]),
    Case("A02", "one byte", BAD_MAGIC, content(lambda _: b"I")),
    Case("A03", "a random MiB", BAD_MAGIC, content(lambda _: b"RND!" + random.Random(3).randbytes((1 << 20) - 4))),
    Case("A03", "a text file", BAD_MAGIC, content(lambda _: b"hello " * 100)),
    Case("A04", "a header and nothing else", DECODE_FAILED, content(lambda _: b"II*\0\x08\0\0\0")),
    Case("A04", "a header and noise", DECODE_FAILED, content(lambda _: b"II*\0\x08\0\0\0" + b"\xff" * 200)),
    Case("A05", "half of it", ErrorCode.SIZE_MISMATCH, _truncated),
    Case("A05", "half of it, described as such", WRONG, image(_truncated)),
    Case("A06", "half a directory", DECODE_FAILED, content(_cut_directory)),
    Case("A07", "a directory that follows itself", Accepted.AS_CLEAN, content(lambda t: _good(t, next_directory=None)), "read once"),
    Case("A08", "a directory beyond the end", DECODE_FAILED, content(lambda _: b"II*\0\xff\xff\xff\x7f" + bytes(500))),
    Case("A09", "65,535 random tags", DECODE_FAILED, content(_random_tags)),
    Case("A10", "2,147,483,647 pixels square", ErrorCode.TOO_MANY_PIXELS,
         content(lambda t: _good(t, {tiff.WIDTH: (LONG, [2**31 - 1]), tiff.HEIGHT: (LONG, [2**31 - 1])}))),
    Case("A11", "100,000 pixels square and sparse", ErrorCode.TOO_MANY_PIXELS, _sparse(100_000, 100_000)),
    Case("A11", "60,000 pixels square and sparse", ErrorCode.TOO_MANY_PIXELS, _sparse(60_000, 60_000)),
    Case("A12", "zstd bomb", DECODED_TOO_LARGE, _bomb("zstd", 50_000)),
    Case("A13", "deflate bomb", DECODED_TOO_LARGE, _bomb("deflate", 8)),
    Case("A13", "LZW bomb", DECODED_TOO_LARGE, _bomb("lzw", 5)),
    Case("A13", "LERC bomb", DECODED_TOO_LARGE, _bomb("lerc", 34_887)),
    Case("A13", "LZMA bomb", ErrorCode.CODEC_UNSUPPORTED, _bomb("lzma", 34_925)),
    Case("A14", "65,535 bands", ErrorCode.TOO_MANY_BANDS, content(_many_bands)),
    Case("A15", "one tile of 65,536 pixels square", ErrorCode.BLOCK_TOO_LARGE,
         content(lambda _: build(fields(SIDE, SIDE, samples=1, bits=8) | tiles(65_536, [8], [100]), before=bytes(100)))),
    Case("A15", "one enormous strip", ErrorCode.BLOCK_TOO_LARGE,
         content(lambda _: build(fields(12_000, 12_000, samples=1) | {
             tiff.ROWS_PER_STRIP: (LONG, [12_000]), tiff.STRIP_OFFSETS: (LONG, [0]), tiff.STRIP_BYTES: (LONG, [0])}))),
    Case("A16", "a strip of 4,294,967,295 bytes", WRONG, _tag(tiff.STRIP_BYTES, LONG, *[2**32 - 1] * 6)),
    Case("A17", "strips that begin at the end", WRONG,
         content(lambda t: _good(t, {tiff.STRIP_OFFSETS: (LONG, [len(_good(t))] * 6)}))),
    Case("A17", "fewer strips than the image has", WRONG,
         content(lambda t: _good(t, {tiff.STRIP_OFFSETS: (LONG, [8]), tiff.STRIP_BYTES: (LONG, [SIDE * SIDE * 2])}))),
    Case("A18", "strips over one another", WRONG, _tag(tiff.STRIP_OFFSETS, LONG, *[8 + n * 100 for n in range(6)])),
    Case("A19", "0 bits a sample", ErrorCode.DTYPE_UNSUPPORTED, _tag(tiff.BITS, SHORT, *[0] * 6)),
    Case("A19", "33 bits a sample", ErrorCode.DTYPE_UNSUPPORTED, _tag(tiff.BITS, SHORT, *[33] * 6)),
    Case("A20", "a compression nobody knows", ErrorCode.CODEC_UNSUPPORTED, _tag(tiff.COMPRESSION, SHORT, 64_000)),
    Case("A21", "a broken JPEG inside", ErrorCode.CODEC_UNSUPPORTED,
         content(lambda _: build(fields(SIDE, SIDE, samples=3, bits=8, compression=7, planar=1) | tiles(SIDE + 16, [8], [400]),
                                 before=b"\xff\xd8\xff\xe0" + b"\x10" * 396))),
    Case("A21", "a whole JPEG inside", ErrorCode.CODEC_UNSUPPORTED, image(_jpeg_inside)),
    Case("A19", "three bands that are read as four", DECODE_FAILED, content(_lab)),
    Case("A22", "a broken deflate stream", ErrorCode.CHECKSUM_MISMATCH, lambda t: (t.image.write_bytes(_flip_stream(t)), None)[1]),
    Case("A22", "a broken deflate stream, described as such", DECODE_FAILED, content(_flip_stream)),
    Case("A23", "no columns", DECODE_FAILED, _tag(tiff.WIDTH, LONG, 0)),
    Case("A23", "no rows", DECODE_FAILED, _tag(tiff.HEIGHT, LONG, 0)),
    Case("A24", "a PNG named .tif", BAD_MAGIC, _picture("PNG")),
    Case("A25", "a JPEG 2000 named .tif", BAD_MAGIC, _picture("JPEG2000"), "convert it first"),
    Case("A26", "a VRT of a secret file", BAD_MAGIC, content(lambda t: _raw_vrt(str(t.traps.secret)))),
    Case("A26", "a VRT of /etc/passwd", BAD_MAGIC, content(lambda t: _raw_vrt("/etc/passwd"))),
    Case("A27", "a VRT of an address on this machine", BAD_MAGIC, content(lambda t: _vrt(f"/vsicurl/{t.traps.urls[0]}/x.tif"))),
    Case("A28", "a VRT with a Python function", BAD_MAGIC,
         content(lambda t: _python_vrt(str(t.image), str(t.traps.secret.with_name("ran"))))),
    Case("A29", "a VRT of itself", BAD_MAGIC, content(lambda t: _vrt(str(t.image)))),
    Case("A30", "a WMS description", BAD_MAGIC, content(lambda t: WMS.format(t.traps.urls[1]).encode())),
    Case("A31", "a tile index", BAD_MAGIC, content(lambda t: INDEX.format(f"/vsicurl/{t.traps.urls[1]}").encode())),
    Case("A31", "a STAC item collection", BAD_MAGIC,
         content(lambda t: COLLECTION.format(t.traps.urls[0]).encode())),
    Case("A32", "an address in memory", ErrorCode.ASSET_MISSING,
         item(lambda d: d["assets"]["image"].update(href="MEM:::DATAPOINTER=140000000000,PIXELS=96,LINES=96,BANDS=6,DATATYPE=UInt16")),
         "to us it is a file of that name beside the item"),
    Case("A33", "a billion laughs in the metadata", Accepted.AS_CLEAN,
         content(lambda t: _good(t, {tiff.METADATA: (tiff.ASCII, LAUGHS.encode())})), "nobody expands it"),
    Case("A34", "48 MB of metadata", ErrorCode.HEADER_TOO_LARGE,
         content(lambda t: _good(t, {tiff.METADATA: (tiff.ASCII, b"<GDALMetadata>" + b" " * 48_000_000 + b"</GDALMetadata>\0")}))),
    Case("A34", "40,000 directories", ErrorCode.HEADER_TOO_LARGE, content(lambda t: _chain_of_directories(t, 40_000))),
)  # fmt: skip


def _chain_of_directories(t: Target, count: int) -> bytes:
    """Directories of ten entries each, one after the other."""
    start = len(_good(t))
    size = 2 + 12 * 10 + 4
    entries = b"".join(struct.pack("<HHII", tag, SHORT, 1, 1) for tag in range(60_000, 60_010))
    places = [start + n * size for n in range(1, count)] + [0]
    return _good(t, next_directory=start) + b"".join(struct.pack("<H", 10) + entries + struct.pack("<I", place) for place in places)
