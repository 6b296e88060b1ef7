"""Every way a scene, a layer or a message can be refused: one enum, one tree, one table (docs/errors.md)."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """What was wrong, as an outsider reads it in a dead letter. The comment is the row of docs/errors.md."""

    # The event
    MESSAGE_UNREADABLE = "MESSAGE_UNREADABLE"  # not UTF-8 JSON, not an object, nested too deeply, a key twice, a number beyond 64 bits
    MESSAGE_INVALID = "MESSAGE_INVALID"  # JSON, but a field is missing, of the wrong type or unknown
    NON_FINITE = "NON_FINITE"  # NaN or Infinity where a number belongs
    SCHEMA_UNSUPPORTED = "SCHEMA_UNSUPPORTED"  # a message type or major version this release does not know
    TIME_IMPLAUSIBLE = "TIME_IMPLAUSIBLE"  # acquired before the mission began, in the future, or after it was made available
    SCENE_FLOODED = "SCENE_FLOODED"  # more different events of one scene within a day than a scene has revisions
    RADIOMETRY_UNKNOWN = "RADIOMETRY_UNKNOWN"  # scale and offset are missing or contradict the processing baseline
    # The file
    HREF_FORBIDDEN = "HREF_FORBIDDEN"  # the address is not inside the allowed places
    ASSET_MISSING = "ASSET_MISSING"  # no file is there
    NOT_REGULAR_FILE = "NOT_REGULAR_FILE"  # a link, a folder, a pipe or a device
    SIZE_MISMATCH = "SIZE_MISMATCH"  # the file is longer or shorter than the item says
    CHECKSUM_MISMATCH = "CHECKSUM_MISMATCH"  # the bytes are not the bytes the item describes
    TOO_LARGE = "TOO_LARGE"  # the file exceeds the limit for one asset
    BAD_MAGIC = "BAD_MAGIC"  # not a TIFF, whatever its name says
    HEADER_TOO_LARGE = "HEADER_TOO_LARGE"  # directories and metadata of more than 4 MiB
    CODEC_UNSUPPORTED = "CODEC_UNSUPPORTED"  # compressed in a way that is not read: JPEG, WebP, unknown
    LAYOUT_INVALID = "LAYOUT_INVALID"  # blocks outside the file, over one another, or too few
    DECODE_FAILED = "DECODE_FAILED"  # a TIFF that cannot be decoded
    DECODER_DIED = "DECODER_DIED"  # the decoder was killed, three times (memory, time or a crash)
    # What the raster means
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"  # header claims more pixels than one scene can have
    TOO_MANY_BANDS = "TOO_MANY_BANDS"  # header claims more bands than a product has
    BLOCK_TOO_LARGE = "BLOCK_TOO_LARGE"  # one compressed block would fill memory
    DECODED_TOO_LARGE = "DECODED_TOO_LARGE"  # the whole would unpack to more than a scene can be
    DTYPE_UNSUPPORTED = "DTYPE_UNSUPPORTED"  # not an integer or float raster we can scale
    CRS_UNSUPPORTED = "CRS_UNSUPPORTED"  # no coordinate system, or not a UTM one
    CRS_MISMATCH = "CRS_MISMATCH"  # the file's coordinate system is not the item's
    GRID_UNSUPPORTED = "GRID_UNSUPPORTED"  # rotated, south-up, non-square, too small, off its zone, or of a resolution no model reads
    GRID_MISMATCH = "GRID_MISMATCH"  # shape or position is not what the item says
    BANDS_MISSING = "BANDS_MISSING"  # no model reads this set of bands
    BANDS_MISMATCH = "BANDS_MISMATCH"  # the file has other bands than the item says
    SENSOR_MISMATCH = "SENSOR_MISMATCH"  # pixels that the platform the item names does not have
    VALUES_IMPLAUSIBLE = "VALUES_IMPLAUSIBLE"  # reflectance no sensor sees on Earth: wrong scale, undeclared fill, all one value
    NO_VALID_PIXELS = "NO_VALID_PIXELS"  # nothing but fill
    # Zones, rules, models, storage
    ZONES_INVALID = "ZONES_INVALID"  # a layer refused as a whole, with feature and reason
    ZONES_HELD = "ZONES_HELD"  # a layer's next version changes more than a fifth of it; held until a person accepts it
    RULES_INVALID = "RULES_INVALID"  # a rule pack refused at load
    SHAPE_INVALID = "SHAPE_INVALID"  # a shape or case given to `jagawana judge` that cannot be judged
    MODEL_INVALID = "MODEL_INVALID"  # weights that are not the pinned ones, or fail the known answer
    BLOB_DAMAGED = "BLOB_DAMAGED"  # a stored blob whose content is not its name
    SIGNATURE_INVALID = "SIGNATURE_INVALID"  # not signed, changed since, or signed by a key that is unknown or had expired
    LABELS_INVALID = "LABELS_INVALID"  # an answer, mask or table of labels that contradicts its image, or is not written as one
    SETTINGS_INVALID = "SETTINGS_INVALID"  # an option or setting that makes no sense
    # Try again
    STORE_BUSY = "STORE_BUSY"  # the database or blob store did not answer in time
    TILE_MOVED_ON = "TILE_MOVED_ON"  # another worker committed this tile first; fold again
    DECODER_FAILED = "DECODER_FAILED"  # the decoder ended without an answer; tried three times
    BUS_UNAVAILABLE = "BUS_UNAVAILABLE"  # no Kafka broker answers
    CHANNEL_UNAVAILABLE = "CHANNEL_UNAVAILABLE"  # the provider did not take the message


class JagawanaError(Exception):
    """Root of every expected error. `detail` says what, where and what to do next; `retryable` tells the bus."""

    retryable: bool = False

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type["JagawanaError"], tuple[ErrorCode, str]]:
        return type(self), (self.code, self.detail)


class DataError(JagawanaError):
    """The input is wrong and stays wrong: dead letter."""


class TransientError(JagawanaError):
    """The world is wrong for now: try again."""

    retryable = True
