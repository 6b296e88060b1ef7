"""Ids are computed from what they name and from nothing else."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jagawana.schemas.ids import alert_id, canonical_json, message_id, sha256_of, short_code

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON))
def test_an_id_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(list(value.items()))))


def test_alert_identity_is_place_zone_and_rule() -> None:
    one = alert_id("50MKE4127", "park-1", "id.cat3.conservation")
    assert one == alert_id("50MKE4127", "park-1", "id.cat3.conservation")
    others = {
        alert_id("50MKE4128", "park-1", "id.cat3.conservation"),
        alert_id("50MKE4127", None, "id.cat3.conservation"),
        alert_id("50MKE4127", "park-1", "x"),
    }
    assert one not in others and len(others) == 3
    assert message_id(one, 1) != message_id(one, 2)


@given(st.uuids())
def test_a_short_code_can_be_said_over_a_radio(uuid: UUID) -> None:
    code = short_code(uuid)
    assert len(code) == 5 and not set(code) & set("ILOU") and code == short_code(uuid)


def test_the_hash_of_bytes_is_the_hash_of_the_bytes() -> None:
    assert sha256_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
