"""How a message leaves: the port `Channel`, the logbook on disk, and apprise behind an administrator's allow-list.

`send` returns a receipt when it is known what happened, or known that it cannot be known:

* sent: the provider took it.
* failed: it was not taken: refused, or no connection. Sending again almost never repeats anything (a connection that broke just after the
  request had left looks the same from here).
* unknown: we stopped waiting. It may have arrived. Sending again, with the same idempotency key, may show it twice; not sending may lose
  it. The ledger sends again: at least once is the promise.

It raises TransientError(CHANNEL_UNAVAILABLE) when nothing can have left (a full disk, no network), and DataError(SETTINGS_INVALID) for an
address that no retry will make right. No address is ever part of an error or a log line: it holds numbers and passwords.
"""

import errno
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.failpoints import reached

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ReceiptState(StrEnum):
    """What is known of one sending."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Receipt:
    """Proof of one sending. `provider_ref` names it without giving away the address; `detail` says what to do."""

    state: ReceiptState
    provider_ref: str
    detail: str = ""


@dataclass(frozen=True)
class Attachment:
    """A small file in memory."""

    name: str
    mime: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class OutgoingMessage:
    """One message to one recipient over one channel. `stem` names its files: time of the record, code, record number."""

    idempotency_key: str
    recipient_id: str
    address: str = field(repr=False)
    stem: str
    subject: str
    body: str
    attachments: tuple[Attachment, ...] = ()


class Channel(Protocol):
    """Carries one message to one recipient."""

    def send(self, message: OutgoingMessage) -> Receipt:
        """Send once; see the module for what each answer means.

        Raises:
            TransientError: CHANNEL_UNAVAILABLE, nothing has left.
            DataError: SETTINGS_INVALID, the address can never work.
        """
        ...


@dataclass(frozen=True)
class FileChannel:
    """The logbook: `messages.jsonl` (one line per sending, synced to disk) and, beside it, a text file and the attachments.

    Files are named by the message, so sending again rewrites the same ones; the log gets a second line with the same idempotency key.
    One process writes one folder.
    """

    folder: Path

    def send(self, message: OutgoingMessage) -> Receipt:
        """Write files first, the log line last: a line in the log means everything it names is there."""
        stem = f"{safe_file_name(message.stem)}-{safe_file_name(message.recipient_id)}"
        try:
            reached("message.making_folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            reached("message.folder_made")
            for attachment in message.attachments:
                _write_atomically(self.folder / f"{stem}-{safe_file_name(attachment.name)}", attachment.content)
            _write_atomically(self.folder / f"{stem}.txt", _as_text(message).encode())
            _append_line(self.folder / "messages.jsonl", _as_line(message, stem))
        except OSError as e:
            detail = f"the message folder {self.folder.name} cannot be written ({e.strerror}); free space or correct its permissions"
            raise TransientError(ErrorCode.CHANNEL_UNAVAILABLE, detail) from e
        return Receipt(state=ReceiptState.SENT, provider_ref=f"{stem}.txt")


def safe_file_name(name: str) -> str:
    """A name any file system takes: ASCII letters, digits, dot, dash and underscore, no leading dot, at most 80."""
    return _UNSAFE.sub("_", name).lstrip(".")[:80] or "unnamed"


def _as_text(message: OutgoingMessage) -> str:
    attached = "".join(f"+ {safe_file_name(a.name)}\n" for a in message.attachments)
    return f"{message.subject}\n\n{message.body.rstrip()}\n" + (f"\n{attached}" if attached else "")


def _as_line(message: OutgoingMessage, stem: str) -> bytes:
    attachments = [
        {
            "name": f"{stem}-{safe_file_name(a.name)}",
            "mime": a.mime,
            "size": len(a.content),
            "sha256": hashlib.sha256(a.content).hexdigest(),
        }
        for a in message.attachments
    ]
    line = {
        "idempotency_key": message.idempotency_key,
        "recipient": message.recipient_id,
        "file": f"{stem}.txt",
        "subject": message.subject,
        "body": message.body,
        "attachments": attachments,
    }
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def _write_atomically(path: Path, content: bytes) -> None:
    reached("message.creating")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            reached("message.created")
            file.write(content)
            file.flush()
            reached("message.written")
            os.fsync(file.fileno())
            reached("message.synced")
        os.chmod(temporary, 0o644)
        reached("message.chmodded")
        os.replace(temporary, path)
        reached("message.renamed")
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        reached("message.discarded")
        raise
    _sync_folder(path.parent)
    reached("message.folder_synced")


def _append_line(path: Path, line: bytes) -> None:
    reached("line.opening")
    with path.open("ab", buffering=0) as file:
        reached("line.opened")
        end = file.seek(0, os.SEEK_END)
        if _ends_torn(path):  # a crash in the middle of the last line: keep it, but start a new one
            line = b"\n" + line
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            reached("line.written")
            os.fsync(file.fileno())
            reached("line.synced")
        except OSError:
            file.truncate(end)  # no half line for readers
            raise
    _sync_folder(path.parent)
    reached("line.folder_synced")


def _ends_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
