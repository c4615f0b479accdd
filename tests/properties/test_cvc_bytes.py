"""Hostile bytes where card verifiable certificates and signatures are expected: a value, or an error of our families."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.passport.chip_terminal import SessionContext, TerminalAuthentication
from drivers.sim.passport.chip_verification import Holder, VerificationKind, VerificationOffice
from egate.model.errors import ChipError, MalformedData, TrustError
from egate.mrtd.active_auth import verify_recovered, verify_response
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.files.security_infos import encode_ec_public_key
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.terminal_auth import certificate_path, parse_ef_cvca, parse_sent_certificate
from egate.pki.cvc import parse_certificate, parse_request, verify_request
from egate.pki.cvc_chain import CvTrustPoint, trust_point, verify_chain
from tests.unit.mrtd.chip_reading import chip_key

TODAY = date(2026, 11, 24)
KINDS = st.sampled_from([VerificationKind.ECDSA_BRAINPOOL, VerificationKind.RSA_PSS])
CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=6)


@cache
def issued(kind: VerificationKind) -> tuple[Holder, Holder, Holder]:
    office = VerificationOffice.create("UT", random.Random(1).randbytes, TODAY, kind)
    verifier = office.verifier(TODAY)
    return office.root, verifier, office.inspection_system(verifier, TODAY)


def changed(data: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    """The data with some bits turned over and perhaps the end cut off."""
    found = bytearray(data)
    for position, difference in changes:
        found[position % len(found)] ^= difference
    return bytes(found[: len(found) - cut])


def verify_mutated(kind: VerificationKind, certificates: list[bytes]) -> None:
    root = issued(kind)[0]
    trusted: list[CvTrustPoint] = [trust_point(parse_certificate(root.certificate))]
    verify_chain([parse_certificate(one) for one in certificates], trusted, TODAY)


@given(KINDS, st.integers(0, 1), CHANGES, st.integers(0, 40))
def test_a_changed_certificate_never_verifies(
    kind: VerificationKind, which: int, changes: list[tuple[int, int]], cut: int
) -> None:
    """Each byte of a certificate is covered by its form or by its signature."""
    chain = [holder.certificate for holder in issued(kind)[1:]]
    mutated = changed(chain[which], changes, cut)
    if mutated == chain[which]:
        return
    chain[which] = mutated
    try:
        verify_mutated(kind, chain)
    except (MalformedData, TrustError):
        return
    raise AssertionError("a changed certificate was accepted")


@given(KINDS, st.integers(0, 1), CHANGES, st.integers(0, 40))
def test_a_chip_imports_no_changed_certificate(
    kind: VerificationKind, which: int, changes: list[tuple[int, int]], cut: int
) -> None:
    """The simulated chip, written apart, refuses them too and never ends in another error."""
    root, *below = issued(kind)
    chip = TerminalAuthentication((root.certificate,), TODAY, random.Random(2).randbytes)
    for index, holder in enumerate(below):
        sent = parse_sent_certificate(holder.certificate)
        name = CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, sent.authority_reference))
        parts = changed(sent.parts, changes, cut) if index == which else sent.parts
        chosen, verified = chip.set_dst(name), chip.verify_certificate(CommandApdu(0, 0x2A, 0x00, 0xBE, parts))
        if index == which and parts != sent.parts:
            assert chosen.ok
            assert not verified.ok
            return
        assert verified.ok


@given(st.binary(max_size=200))
def test_a_chip_answers_any_bytes(data: bytes) -> None:
    root = issued(VerificationKind.ECDSA_BRAINPOOL)[0]
    chip = TerminalAuthentication((root.certificate,), TODAY, random.Random(2).randbytes)
    context = SessionContext(b"id", b"key")
    for step in (chip.set_dst, chip.verify_certificate, chip.set_at, chip.get_challenge):
        assert not step(CommandApdu(0, 0, 0, 0, data)).ok
    assert not chip.external_authenticate(CommandApdu(0, 0, 0, 0, data), context).ok
    assert not chip.granted


PARSERS: list[Callable[[bytes], object]] = [
    parse_certificate,
    lambda data: verify_request(parse_request(data)),
    parse_sent_certificate,
    parse_ef_cvca,
    lambda data: certificate_path((data,), ("UTCVCA00001",)),
]


@given(st.sampled_from(PARSERS), st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(MalformedData, TrustError):
        parse(data)


@given(st.sampled_from(PARSERS), CHANGES, st.integers(0, 40))
def test_changed_certificates_parse_or_are_refused(
    parse: Callable[[bytes], object], changes: list[tuple[int, int]], cut: int
) -> None:
    """Near the real thing is where parsers break."""
    with suppress(MalformedData, TrustError):
        parse(changed(issued(VerificationKind.ECDSA_BRAINPOOL)[0].certificate, changes, cut))


@given(st.binary(max_size=260), st.sampled_from([b"\xbc", b"\x34\xcc", b"\x33\xcc", b"\x35\xcc", b""]))
def test_no_representative_is_accepted_by_chance(data: bytes, trailer: bytes) -> None:
    assert verify_recovered(b"\x6a" + data + trailer, b"12345678") is None


@given(st.binary(max_size=140))
def test_no_signature_is_accepted_by_chance(signature: bytes) -> None:
    key = encode_ec_public_key(chip_key(8).public_key())
    try:
        verify_response(key, b"12345678", signature)
    except ChipError:
        return
    raise AssertionError("a signature that nobody made was accepted")
