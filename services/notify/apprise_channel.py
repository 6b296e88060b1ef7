"""Every channel a ranger may have, through apprise: one URL per call, an allow-list of schemas, and no surprise features.

Measured with apprise 2.2: a call with two URLs, one of them dead, is falsy, so a retry would repeat the delivered one;
`attach="/etc/hostname"` posts that file; `json://127.0.0.1` posts to loopback; `?retry=` repeats on its own; a timed-out call may still
deliver.
"""

import mimetypes
from collections.abc import Collection
from urllib.parse import quote

from apprise import Apprise, AppriseAsset, AppriseAttachment, AppriseResult, AppriseResultStatus, NotifyFormat, PersistentStoreMode
from apprise.attachment.memory import AttachMemory
from apprise.exception import AppriseException
from apprise.plugins import NotifyBase

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.notify.channels import Attachment, OutgoingMessage, Receipt, ReceiptState, safe_file_name

DEFAULT_TIMEOUT_S = 30.0
_WITH_KEY = {
    "json": "+Idempotency-Key",
    "jsons": "+Idempotency-Key",
    "xml": "+Idempotency-Key",
    "xmls": "+Idempotency-Key",
    "form": "+Idempotency-Key",
    "forms": "+Idempotency-Key",
    "pagerduty": "dedup",
    "opsgenie": "alias",
}
"""Schemas whose receivers recognise a repeat, and the URL parameter that carries the key."""


class AppriseChannel:
    """Sends through apprise to addresses whose schema an administrator allows (`mailtos`, `sns`, `tgram`, …)."""

    def __init__(self, allowed_schemas: Collection[str], *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._allowed = frozenset(s.lower() for s in allowed_schemas)
        self._timeout_s = timeout_s

    def send(self, message: OutgoingMessage) -> Receipt:
        """Send once to exactly one recipient. Plain text; attachments from memory only.

        Raises:
            DataError: SETTINGS_INVALID, the schema is not allowed or the address is not one apprise understands.
        """
        plugin = self._plugin(message)
        courier = Apprise(asset=plugin.asset)
        courier.add(plugin)
        try:
            return self._through(courier, plugin, message)
        except AppriseException as e:
            raise DataError(ErrorCode.SETTINGS_INVALID, f"recipient {message.recipient_id}: apprise refuses ({type(e).__name__})") from e

    def _through(self, courier: Apprise, plugin: NotifyBase, message: OutgoingMessage) -> Receipt:
        with courier.notify(
            body=message.body,
            title=message.subject,
            body_format=NotifyFormat.TEXT,
            interpret_escapes=False,
            attach=_in_memory(message.attachments),
            timeout=self._timeout_s,
        ) as result:
            return _receipt(result, plugin)

    def check(self, address: str) -> None:
        """Raise what `send` would raise for this address, without sending: for the start of the service."""
        self._plugin(OutgoingMessage(idempotency_key="check", recipient_id="check", address=address, stem="check", subject="", body=""))

    def _plugin(self, message: OutgoingMessage) -> NotifyBase:
        schema = message.address.split(":", 1)[0].lower()
        # Before apprise sees it: some plugins act while they are constructed.
        if schema not in self._allowed:
            raise DataError(
                ErrorCode.SETTINGS_INVALID,
                f"recipient {message.recipient_id}: channel {safe_file_name(schema)} is not allowed; allowed are {sorted(self._allowed)}",
            )
        plugin = Apprise.instantiate(_with_key(message.address, schema, message.idempotency_key), asset=_asset())
        if plugin is not None:
            plugin.retry = 0  # the ledger repeats, nobody else; and `len` multiplies by it
        if plugin is None or len(plugin) > 1:
            raise DataError(
                ErrorCode.SETTINGS_INVALID,
                f"recipient {message.recipient_id}: the {safe_file_name(schema)} address is not one apprise understands, or holds several "
                "targets; write one recipient per target",
            )
        return plugin


def _with_key(address: str, schema: str, key: str) -> str:
    parameter = _WITH_KEY.get(schema)
    if parameter is None:
        return address
    return f"{address}{'&' if '?' in address else '?'}{parameter}={quote(key, safe='')}"


def _asset() -> AppriseAsset:
    """No redirects (they may lead to loopback), no templates, no files kept, no emoji or escape tricks in zone names."""
    return AppriseAsset(
        app_id="jagawana",
        app_desc="jagawana",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        interpret_emojis=False,
        allow_templates=False,
        storage_mode=PersistentStoreMode.MEMORY,
        secure_logging=True,
        default_service_retry=0,
    )


def _in_memory(attachments: tuple[Attachment, ...]) -> AppriseAttachment | None:
    if not attachments:
        return None
    attached = AppriseAttachment()
    for a in attachments:
        attached.add(AttachMemory(content=a.content, name=safe_file_name(a.name), mimetype=_known_mime(a.mime)))  # type: ignore[no-untyped-call]
    return attached


def _known_mime(mime: str) -> str:
    """Apprise refuses a type that the standard library's table lacks, such as GPX; the name's ending still tells."""
    return mime if mime in mimetypes.types_map.values() else "application/octet-stream"


def _receipt(result: AppriseResult, plugin: NotifyBase) -> Receipt:
    reference = f"{plugin.service_name}:{plugin.url_id() or '-'}"  # type: ignore[no-untyped-call]
    if result.status is AppriseResultStatus.SUCCESS:
        return Receipt(ReceiptState.SENT, reference)
    if result.status is AppriseResultStatus.TIMEOUT or _waited_for_an_answer(result, plugin):
        return Receipt(ReceiptState.UNKNOWN, reference, "no answer in time; it may have arrived")
    return Receipt(ReceiptState.FAILED, reference, "the provider did not take it; check the address and the provider's status")


def _waited_for_an_answer(result: AppriseResult, plugin: NotifyBase) -> bool:
    """A plugin reports its own read timeout as a plain failure; how long it took tells the two apart."""
    return any(r.elapsed >= plugin.socket_read_timeout for r in result)
