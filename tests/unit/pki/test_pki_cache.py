"""What a cache gives back is what was put in, and what is no cache is malformed."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.passport.certification import SigningKind
from egate.model.errors import MalformedData
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.keys import UnusableKey, key_from_cache, key_to_cache, number_from_cache, number_to_cache
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore
from egate.storage.cbor import CborValue, encode, parse
from tests.unit.sim.sample_state import TODAY, trust, utopia

ANYTHING = st.recursive(
    st.none() | st.integers() | st.binary() | st.text(), lambda inner: st.lists(inner).map(tuple), max_leaves=40
)


def samples() -> list[Certificate]:
    states = [utopia(kind) for kind in SigningKind]
    return [parse_certificate(der) for state in states for der in (state.csca_certificate, state.signer.certificate)]


def stored_and_read(cached: object) -> CborValue:
    """Through the CBOR that our caches are written in."""
    return parse(encode(cast("CborValue", cached)))


def fields_of(certificate: Certificate) -> dict[str, object]:
    """Every field, those included that do not count when certificates are compared."""
    return {name: getattr(certificate, name) for name in Certificate.__slots__}


@pytest.mark.parametrize("certificate", samples(), ids=range(2 * len(SigningKind)))
def test_cached_certificate_is_the_same_in_every_field(certificate: Certificate) -> None:
    stored = stored_and_read(certificate.to_cache())
    assert fields_of(Certificate.from_cache(stored)) == fields_of(certificate)


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, -128, -129, 2**160, -(2**160), 2**4096])
def test_numbers_of_any_size_are_kept(number: int) -> None:
    """Serial numbers have twenty bytes, and some States' are negative."""
    assert number_from_cache(number_to_cache(number)) == number


@pytest.mark.parametrize("place", range(23))
def test_cache_with_one_value_of_another_kind_is_malformed_or_harmless(place: int) -> None:
    """Nothing but MalformedData comes out of a damaged cache."""
    cached: list[Any] = list(samples()[0].to_cache())
    for wrong in (None, -1, "x", b"", 10**30, (1,)):
        changed = [*cached[:place], wrong, *cached[place + 1 :]]
        try:
            Certificate.from_cache(changed)
        except MalformedData:
            continue


@pytest.mark.parametrize("cached", [None, (), 7, "text", (1,) * 23, [2, *samples()[0].to_cache()[1:]]])
def test_what_is_no_cached_certificate_is_malformed(cached: object) -> None:
    with pytest.raises(MalformedData):
        Certificate.from_cache(cached)


@given(ANYTHING)
def test_anything_is_a_cached_value_or_malformed(cached: object) -> None:
    with pytest.raises(MalformedData):
        Certificate.from_cache(cached)
    try:
        assert SignerIndex.from_cache(cached).certificates == ()
    except MalformedData:
        return


def test_unusable_keys_keep_their_reason() -> None:
    assert key_from_cache(key_to_cache(UnusableKey("why"))) == UnusableKey("why")
    with pytest.raises(ValueError, match="no kind of key"):
        key_from_cache(("dsa", b"", 0))


def test_store_from_its_parts_is_the_same_store() -> None:
    state = utopia()
    whole = trust()
    signers = SignerIndex.of([parse_certificate(state.signer.certificate)] * 2)
    again = TrustStore.from_parts(whole.certificates, whole.source, whole.dated, signers)
    assert again.certificates == whole.certificates
    assert again.issuer_of(parse_certificate(state.signer.certificate), TODAY) == whole.certificates[0]
    stored = SignerIndex.from_cache(stored_and_read(signers.to_cache()))
    assert stored == signers
    assert len(stored.certificates) == 1
