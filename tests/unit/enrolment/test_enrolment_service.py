"""One enrolment, whole: registered and sealed, or refused with nothing stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from egate.model.checks import Check, CheckName, CheckResult
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.face import CaptureOutcome, CaptureState, ComparisonScore
from egate.storage.vault import CentrePrivateKey
from enrolment.procedure import Refusal, RefusalReason
from enrolment.registered import Biometrics, FaceTemplate, RegisteredTraveller, bind_document
from enrolment.service import Station, enrol
from enrolment.store import open_biometrics
from tests.unit.enrolment.enrolment_bench import (
    BINDING_KEY,
    CANARY_BIRTH,
    CANARY_IMAGE,
    CANARY_NAME,
    CANARY_NUMBER,
    CANARY_TEMPLATE,
    GOOD,
    MRZ,
    PROGRAMME,
    TODAY,
    Dice,
    captured,
    consent,
    everything_written,
    gathered,
    poor,
    station,
    template,
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Station]:
    place = station(tmp_path)
    yield place
    place.register.close()


def enrolled(desk: Station, **changed: object) -> RegisteredTraveller:
    found = enrol(gathered(**changed), desk, TODAY, Dice())
    assert isinstance(found, RegisteredTraveller), found
    return found


def refused(desk: Station, **changed: object) -> Refusal:
    found = enrol(gathered(**changed), desk, TODAY, Dice())
    assert isinstance(found, Refusal)
    assert desk.register.count_document(bind_document(BINDING_KEY, MRZ)) == 0, "nothing is stored"
    return found


def test_a_person_is_registered_and_only_the_programme_can_open_it(desk: Station) -> None:
    traveller = enrolled(desk)
    sealed = desk.register.sealed(traveller.identifier)
    assert sealed is not None
    assert open_biometrics(sealed, PROGRAMME) == Biometrics(template(b""), CANARY_IMAGE)
    with pytest.raises(TrustError):
        open_biometrics(sealed, CentrePrivateKey(X25519PrivateKey.generate()))


def test_nothing_of_a_person_is_readable_in_the_files(tmp_path: Path) -> None:
    desk = station(tmp_path)
    enrolled(desk)
    open_files = everything_written(tmp_path)
    desk.register.close()
    for written in (open_files, everything_written(tmp_path)):
        assert b"operator-7" in written, "the files are the ones that were written"
        for canary in (CANARY_NAME, CANARY_NUMBER, CANARY_BIRTH, "ANNA"):
            assert canary.encode() not in written
        assert b"CANARY" not in written
        assert CANARY_IMAGE[:16] not in written
        assert CANARY_TEMPLATE[:16] not in written


def test_nothing_of_a_person_shows_in_a_repr(desk: Station) -> None:
    traveller = enrolled(desk)
    sealed = desk.register.sealed(traveller.identifier)
    for value in (traveller, gathered(), Biometrics(template(b""), CANARY_IMAGE), sealed, desk):
        assert "CANARY" not in repr(value).replace("<function", "")
        assert traveller.document_binding.hex() not in repr(value)


def test_the_registration_ends_with_document_or_consent(desk: Station) -> None:
    traveller = enrolled(desk, consent=consent(days=30))
    assert traveller.expires_on == TODAY + timedelta(days=30)
    binding = bind_document(BINDING_KEY, MRZ)
    assert desk.register.find(binding, TODAY + timedelta(days=30)) == traveller
    assert desk.register.find(binding, TODAY + timedelta(days=31)) is None
    assert desk.register.find(binding, TODAY - timedelta(days=1)) is None


def test_the_document_ends_first(desk: Station) -> None:
    traveller = enrolled(desk, consent=consent(days=1800), mrz=replace(MRZ, date_of_expiry="270131"))
    assert traveller.expires_on == date(2027, 1, 31)


def test_no_consent_stores_nothing(desk: Station) -> None:
    assert refused(desk, consent=None).reason is RefusalReason.CONSENT


def test_a_poor_image_is_refused_with_sentences(desk: Station) -> None:
    refusal = refused(desk, captures=(poor(), poor()))
    assert refusal.reason is RefusalReason.QUALITY
    assert refusal.sentences[0] == "Come closer to the camera."
    assert len(refusal.sentences) == 3


def test_a_second_try_may_pass(desk: Station) -> None:
    assert enrolled(desk, captures=(poor(), captured())).active(TODAY)


@pytest.mark.parametrize(
    "captures",
    [
        (),
        (CaptureOutcome(CaptureState.ABORTED),),
        (CaptureOutcome(CaptureState.SEVERAL_FACES),),
        (captured(replace(GOOD, yaw_deg=float("nan"))),),
    ],
)
def test_without_a_usable_face_nobody_is_registered(desk: Station, captures: tuple[CaptureOutcome, ...]) -> None:
    assert refused(desk, captures=captures).reason is RefusalReason.QUALITY


@pytest.mark.parametrize(
    "score",
    [
        None,
        ComparisonScore("sface", 0.3, 0.4, 1000, "test"),
        ComparisonScore("sface", 0.9, 0.4, 10_000, "a threshold that is not strict enough"),
    ],
)
def test_another_persons_document_is_refused(desk: Station, score: ComparisonScore | None) -> None:
    assert refused(desk, captures=(captured(score=score),)).reason is RefusalReason.FACE_MISMATCH


@pytest.mark.parametrize(
    ("mrz", "reason"),
    [
        (None, RefusalReason.DOCUMENT_UNREADABLE),
        (replace(MRZ, failed_check_digits=("document_number",)), RefusalReason.DOCUMENT_UNREADABLE),
        (replace(MRZ, date_of_expiry="261123"), RefusalReason.DOCUMENT_EXPIRED),
        (replace(MRZ, date_of_expiry="300230"), RefusalReason.DOCUMENT_EXPIRED),
        (replace(MRZ, date_of_expiry="<<<<<<"), RefusalReason.DOCUMENT_EXPIRED),
    ],
)
def test_a_document_that_is_no_good_is_refused(desk: Station, mrz: object, reason: RefusalReason) -> None:
    assert refused(desk, mrz=mrz).reason is reason


@pytest.mark.parametrize("checks", [(), (Check(CheckName.CERTIFICATE_CHAIN, CheckResult.FAILED, "no_trusted_issuer"),)])
def test_failed_document_checks_refuse(desk: Station, checks: tuple[Check, ...]) -> None:
    refusal = refused(desk, checks=checks)
    assert refusal.reason is RefusalReason.DOCUMENT_CHECKS
    assert refusal.sentences[0].startswith("certificate_chain: ")


def test_a_document_is_registered_once(desk: Station) -> None:
    enrolled(desk)
    again = enrol(gathered(), desk, TODAY, Dice(1))
    assert isinstance(again, Refusal)
    assert again.reason is RefusalReason.DUPLICATE


def test_withdrawal_destroys_the_key_in_every_file(tmp_path: Path) -> None:
    desk = station(tmp_path)
    traveller = enrolled(desk)
    sealed = desk.register.sealed(traveller.identifier)
    assert sealed is not None
    key = sealed.sealed_key[40:72]
    assert key in everything_written(tmp_path)
    assert desk.register.erase(traveller.identifier)
    assert desk.register.sealed(traveller.identifier) is None
    assert key not in everything_written(tmp_path)
    assert traveller.document_binding not in everything_written(tmp_path)
    assert not desk.register.erase(traveller.identifier), "there is nothing left to erase"
    assert desk.register.count_document(traveller.document_binding) == 0
    enrolled_again = enrol(gathered(), desk, TODAY, Dice(2))
    assert isinstance(enrolled_again, RegisteredTraveller)
    desk.register.close()


def test_expired_registrations_are_erased(desk: Station) -> None:
    traveller = enrolled(desk, consent=consent(days=10))
    assert desk.register.erase_expired(TODAY + timedelta(days=10)) == 0
    assert desk.register.erase_expired(TODAY + timedelta(days=11)) == 1
    assert desk.register.sealed(traveller.identifier) is None
    assert desk.register.erase_expired(TODAY + timedelta(days=12)) == 0


@pytest.mark.parametrize("column", ["header", "sealed"])
def test_an_altered_row_is_noticed(tmp_path: Path, column: str) -> None:
    desk = station(tmp_path)
    traveller = enrolled(desk)
    desk.register.close()
    _alter(tmp_path, f"UPDATE person SET {column} = CAST(substr({column}, 1, length({column}) - 1) || x'00' AS BLOB)")
    desk = station(tmp_path)
    sealed = desk.register.sealed(traveller.identifier)
    assert sealed is not None
    with pytest.raises(TrustError):
        open_biometrics(sealed, PROGRAMME)
    desk.register.close()


def test_a_longer_expiry_in_the_row_is_noticed(tmp_path: Path) -> None:
    desk = station(tmp_path)
    traveller = enrolled(desk)
    desk.register.close()
    _alter(tmp_path, "UPDATE person SET expires_on = '2099-01-01'")
    desk = station(tmp_path)
    with pytest.raises(TrustError):
        desk.register.find(traveller.document_binding, TODAY)
    desk.register.close()


@pytest.mark.parametrize("header", ["x'80'", "x''", "(SELECT substr(header, 1, 20) FROM person)"])
def test_a_header_of_another_form_is_malformed(tmp_path: Path, header: str) -> None:
    desk = station(tmp_path)
    traveller = enrolled(desk)
    desk.register.close()
    _alter(tmp_path, f"UPDATE person SET header = {header}")
    desk = station(tmp_path)
    with pytest.raises(MalformedData):
        desk.register.find(traveller.document_binding, TODAY)
    desk.register.close()


def test_a_swapped_key_is_noticed(tmp_path: Path) -> None:
    """Two people's keys exchanged: neither opens."""
    desk = station(tmp_path)
    first = enrolled(desk)
    second = enrol(gathered(mrz=replace(MRZ, document_number="OTHER0001")), desk, TODAY, Dice(3))
    assert isinstance(second, RegisteredTraveller)
    a, b = desk.register.sealed(first.identifier), desk.register.sealed(second.identifier)
    assert a is not None
    assert b is not None
    with pytest.raises(TrustError):
        open_biometrics(replace(a, sealed_key=b.sealed_key), PROGRAMME)
    with pytest.raises(TrustError):
        open_biometrics(replace(a, sealed=b.sealed), PROGRAMME)
    desk.register.close()


def test_a_register_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    desk = station(tmp_path)
    (tmp_path / "register.db").rename(tmp_path / "elsewhere.db")
    refusal = enrol(gathered(), desk, TODAY, Dice())
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOT_STORED
    assert "CANARY" not in " ".join(refusal.sentences)
    desk.register.close()


def test_a_template_of_another_engine_is_refused(desk: Station) -> None:
    traveller = replace(enrolled(desk), identifier="ff" * 16, document_binding=b"x" * 32)
    with pytest.raises(DeviceError, match="another engine"):
        desk.register.add(traveller, Biometrics(FaceTemplate("dlib-1", b"x"), b"y"), Dice())


def test_an_engine_that_fails_is_a_refusal(desk: Station) -> None:
    def broken(_image: bytes) -> FaceTemplate:
        raise DeviceError("making a template", "no face")

    assert refused(desk, template=broken).reason is RefusalReason.NOT_STORED


def test_bindings_need_the_key_and_differ_by_document() -> None:
    binding = bind_document(BINDING_KEY, MRZ)
    assert len(binding) == 32
    assert binding == bind_document(BINDING_KEY, replace(MRZ, document_number=CANARY_NUMBER + "<<"))
    assert binding != bind_document(bytes(32), MRZ)
    assert binding != bind_document(BINDING_KEY, replace(MRZ, document_number="CANARY043"))
    assert binding != bind_document(BINDING_KEY, replace(MRZ, issuing_state="D"))
    with pytest.raises(ValueError, match="32 bytes"):
        bind_document(b"short", MRZ)


def _alter(folder: Path, statement: str) -> None:
    """Somebody with a database tool."""
    connection = sqlite3.connect(folder / "register.db")
    with connection:
        connection.execute(statement)
    connection.close()
