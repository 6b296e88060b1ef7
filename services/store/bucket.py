"""Blobs as objects of an S3 bucket, written only where nothing lies; what a client of S3 needs stands in the AWS_ variables."""

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from jagawana.schemas.base import Sha256
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.failpoints import reached
from jagawana.services.store.blobs import MEND

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import RetryConfig, S3Config

NOBODY = "0" * 64
"""Name of a blob that does not exist: asking for it tells whether the bucket answers to us."""
TRIES = 10
VARIABLES = "AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
OURS_TO_MEND = (NotFoundError, FileNotFoundError, PermissionDeniedError, UnauthenticatedError)
WRONG_CERTIFICATE = "InvalidCertificate"
NO_KEY = re.compile(r"/latest/(api/token|meta-data)")
"""Without a key the client asks the machine it runs on, as if that were one of AWS."""
_CODE = re.compile(r"<Code>(\w+)</Code>")


class BucketBlobs:
    """Blobs as objects `<prefix>/<two letters>/<name>`.

    A key or bucket that is refused while we work is a `TransientError`: it says nothing about the scene in hand, which
    must not be buried for it.

    Args:
        store: the bucket, with the prefix.
        where: the bucket's address, for messages.
    """

    def __init__(self, store: S3Store, where: str) -> None:
        self.store = store
        self.where = where

    def put(self, content: bytes) -> Sha256:
        """Write it if nothing lies there, on that condition; over what is damaged without."""
        name = hashlib.sha256(content).hexdigest()
        # Asked first: a server that refuses a large body early closes the connection, which is not to be told from an outage.
        stored = self._read(name)
        if stored != content:
            self._write(name, content, only_if_absent=stored is None)
        return name

    def _write(self, name: Sha256, content: bytes, *, only_if_absent: bool) -> None:
        mode: PutMode = "create" if only_if_absent else "overwrite"
        try:
            reached("object.putting")
            # Several parts cannot be put on a condition; one request takes up to 5 GB.
            obstore.put(self.store, _key(name), content, mode=mode, use_multipart=False)
            reached("object.put")
        except AlreadyExistsError:
            return  # another worker was faster, with the same content
        except (BaseError, OSError) as e:
            raise self._refused(e) from None

    def holds(self, name: Sha256) -> bool:
        """Read and compare."""
        try:
            self.get(name)
        except DataError:
            return False
        return True

    def get(self, name: Sha256) -> bytes:
        """Read and check."""
        content = self._read(name)
        if content is None:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is missing in {self.where}; {MEND}")
        if hashlib.sha256(content).hexdigest() != name:
            raise DataError(ErrorCode.BLOB_DAMAGED, f"blob {name} is damaged in {self.where}; {MEND}")
        return content

    def _read(self, name: Sha256) -> bytes | None:
        try:
            return bytes(obstore.get(self.store, _key(name)).bytes())
        except (BaseError, OSError) as e:
            if isinstance(e, NotFoundError | FileNotFoundError) and _code(e) == "NoSuchKey":
                return None
            raise self._refused(e) from None

    def check(self) -> None:
        """Ask for a blob that does not exist.

        Raises:
            DataError: SETTINGS_INVALID: no such bucket, or a key that may not use it.
            TransientError: STORE_BUSY: it does not answer.
        """
        try:
            self._read(NOBODY)
        except TransientError as e:
            if isinstance(e.__context__, OURS_TO_MEND) or WRONG_CERTIFICATE in str(e.__context__):
                raise DataError(ErrorCode.SETTINGS_INVALID, f"JAGAWANA_BLOB_URL: {e.detail}") from None
            raise

    def _refused(self, error: Exception) -> TransientError:
        return TransientError(ErrorCode.STORE_BUSY, f"blob store {self.where} {_cause(error)}")


def open_bucket(url: str, *, busy_seconds: float) -> BucketBlobs:
    """The bucket of `s3://bucket/prefix`, asked whether it is there and ours.

    Args:
        busy_seconds: how long a request may take, and how long a failing one is tried again.

    Raises:
        DataError: SETTINGS_INVALID.
        TransientError: STORE_BUSY.
    """
    parts = urlsplit(url)
    store = _client(parts.netloc, parts.path.strip("/"), busy_seconds)
    blobs = BucketBlobs(store, f"s3://{parts.netloc}{parts.path.rstrip('/')}")
    blobs.check()
    return blobs


def _client(bucket: str, prefix: str, busy_seconds: float) -> S3Store:
    # As `client_options` they would push aside AWS_ALLOW_HTTP; obstore's types know them only there.
    waits = {"timeout": f"{busy_seconds} seconds", "connect_timeout": f"{min(busy_seconds, 5.0)} seconds"}
    config = cast("S3Config", {"checksum_algorithm": "SHA256"} | waits)
    retries: RetryConfig = {"max_retries": TRIES, "retry_timeout": timedelta(seconds=busy_seconds)}
    try:
        return S3Store(bucket, prefix=prefix or None, config=config, retry_config=retries)
    except (BaseError, ValueError) as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"JAGAWANA_BLOB_URL: {str(e).partition(chr(10))[0]}; look at {VARIABLES}") from None


def _key(name: Sha256) -> str:
    return f"{name[:2]}/{name}"


def _code(error: Exception) -> str | None:
    """The S3 error code in the answer, None where nobody answered."""
    found = _CODE.search(str(error))
    return found and found[1]


def _cause(error: Exception) -> str:
    """What is wrong, and what to do. Of the store's own words only the code: the others repeat keys and signatures."""
    said, text = _code(error), str(error)
    if said is not None:
        return f"says {said}; look at {VARIABLES} and the rights of that key"
    if WRONG_CERTIFICATE in text:
        return "has a certificate of an authority that we do not know, or of another name; SSL_CERT_FILE may name a file of authorities"
    if NO_KEY.search(text):
        return "has no key from us, and this machine has no role that gives one; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if "error sending request" in text:
        return f"does not answer; start it, or look at {VARIABLES}"
    return f"failed: {text.partition(chr(10))[0][:200]}; look at {VARIABLES}"
