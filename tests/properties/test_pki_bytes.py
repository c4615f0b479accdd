"""Foreign bytes: every parser of the PKI returns a value or raises MalformedData, whatever it is fed; nothing else leaves it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import unwrap_application
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.keys import parse_public_key, parse_scheme
from egate.pki.passive_auth import ChainState, SignatureState, hash_state, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import load_master_list
from tests.unit.sim.sample_state import TODAY, chip, trust, utopia

SOD = chip().files[ElementaryFile.SOD]
SAMPLES = {
    "certificate": (parse_certificate, utopia().signer.certificate),
    "signed data": (parse_signed_data, unwrap_application(SOD, 0x17, "test")),
    "revocation list": (parse_revocation_list, utopia().revocation_list(1, 2)),
    "public key": (parse_public_key, bytes(utopia().signer.parsed["tbs_certificate"]["subject_public_key_info"].dump())),
    "scheme": (parse_scheme, bytes(utopia().signer.parsed["signature_algorithm"].dump())),
}
Mutation = tuple[int, int, bytes]

mutations = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=4)


def mutated(data: bytes, changes: list[Mutation]) -> bytes:
    """Replace `length` bytes at a place by others: substitutions, insertions, deletions."""
    for place, length, replacement in changes:
        start = place % (len(data) + 1)
        data = data[:start] + replacement + data[start + length :]
    return data


def survives(parse: Callable[[bytes], object], data: bytes) -> None:
    """Parse and touch the value as its users do; MalformedData is the only way out."""
    try:
        repr(parse(data))
    except MalformedData:
        return


@pytest.mark.parametrize("name", SAMPLES)
def test_every_truncation(name: str) -> None:
    parse, data = SAMPLES[name]
    for length in range(len(data)):
        with pytest.raises(MalformedData):
            parse(data[:length])
    with pytest.raises(MalformedData):
        parse(data + b"\x00")


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=150, deadline=None)
@given(changes=mutations)
def test_mutations(name: str, changes: list[Mutation]) -> None:
    parse, data = SAMPLES[name]
    survives(parse, mutated(data, changes))


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_noise(name: str, data: bytes) -> None:
    survives(SAMPLES[name][0], data)


@settings(max_examples=300, deadline=None)
@given(changes=mutations)
def test_mutated_security_object_never_raises_and_is_never_believed(changes: list[Mutation]) -> None:
    """Believed means signed and trusted; then the hashes are the genuine ones."""
    genuine = inspect_security_object(SOD, trust(), TODAY)
    found = inspect_security_object(mutated(SOD, changes), trust(), TODAY)
    for number in range(1, 17):
        hash_state(found, number, b"data")
    if found.signature is SignatureState.VERIFIED and found.chain is ChainState.TRUSTED:
        assert (found.hashes, found.hash_oid) == (genuine.hashes, genuine.hash_oid)


@settings(max_examples=100, deadline=None)
@given(changes=mutations)
def test_mutated_master_list_is_refused_or_the_same(changes: list[Mutation]) -> None:
    data = utopia().master_list(utopia().csca_certificate)
    try:
        found = load_master_list(mutated(data, changes), trust(), "mutated", TODAY)
    except (MalformedData, TrustError):
        return
    assert [entry.der for entry in found.certificates] == [utopia().csca_certificate]
