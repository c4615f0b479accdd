"""What is fuzzed: every parser of bytes from outside, by name, with seeds that it reads.

A parser returns a value or raises MalformedData, TrustError where it verifies, and nothing else ever. Seeds are issued by the
simulated State when a run starts; those of the shared data are added where they are present.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path

from PIL import Image

from drivers.reader.boarding_pass.bcbp import parse_boarding_pass
from drivers.sim.passport.chip_verification import VerificationOffice
from drivers.sim.passport.issuer import PersonData, SimulatedIssuer
from drivers.sim.passport.signed_objects import ListedDefect
from egate.faces.codestream import read_codestream
from egate.faces.decode import read_header
from egate.inspection.export import parse_record
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.active_auth import parse_public_key
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.atr_info import parse_atr_info
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.directory import parse_dir
from egate.mrtd.files.face_record import parse_dg2, parse_extensible_record, parse_face_record
from egate.mrtd.files.groups.displayed_images import encode_displayed_images, parse_dg5, parse_dg7
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12, parse_dg12
from egate.mrtd.files.groups.elements import PersonName
from egate.mrtd.files.groups.fingers import FingerImage, FingerRecord, encode_dg3, parse_dg3, parse_dg4
from egate.mrtd.files.groups.officer import document_details
from egate.mrtd.files.groups.opaque import encode_features, parse_dg8, parse_dg13
from egate.mrtd.files.groups.personal_details import PersonalDetails, encode_dg11, parse_dg11
from egate.mrtd.files.groups.persons_to_notify import PersonToNotify, encode_dg16, parse_dg16
from egate.mrtd.files.lds import parse_com, parse_dg1, parse_dg15
from egate.mrtd.files.mrz import parse_mrz, parse_stored_mrz
from egate.mrtd.files.public_keys import parse_agreement_key, parse_ec_public_key
from egate.mrtd.files.security_infos import parse_card_access, parse_dg14
from egate.mrtd.files.tlv import encode_tlv, parse_tlvs
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.signed_files import signed_files
from egate.mrtd.terminal_auth import parse_ef_cvca
from egate.optics.page import decode_page
from egate.pki import cvc
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.defects import parse_defect_list
from egate.pki.deviations import parse_deviation_list
from egate.pki.passive_auth import inspect_card_security, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore, load_master_list
from egate.supply.ldif import bounded_lines, read_ldif
from tests.fuzz import seeds
from tests.unit.drivers.parsers import Parser as LineParser
from tests.unit.drivers.parsers import parsers

TODAY = date(2026, 11, 24)
PERSON = PersonData("ERIKSSON", "ANNA MARIA", date(1974, 8, 12), "F", "L898902C3", date(2033, 4, 15))
EXPECTED = (MalformedData, TrustError)
"""What a parser may raise."""

Parser = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser and inputs that it reads."""

    parse: Parser
    seeds: tuple[bytes, ...] = field(repr=False, default=())

    def try_on(self, data: bytes) -> None:
        """Parse, and let through what may not be raised."""
        try:
            self.parse(data)
        except EXPECTED:
            return


def _mrz_lines(data: bytes) -> object:
    return parse_mrz(data.decode("latin-1").split("\n"))


def _protected_response(data: bytes) -> object:
    """What a reader makes of a response inside a session; a chip's fault is a ChipError, which is no bug."""
    from egate.model.errors import ChipError

    secure = SecureMessaging(session_keys(CipherSuite.AES128, b"fuzz"))
    secure.wrap(CommandApdu(0x00, 0xB0, 0x81, 0x00, le=0x20))
    try:
        return secure.unwrap(ResponseApdu.from_bytes(data))
    except ChipError:
        return None


def _deviations(data: bytes) -> object:
    return parse_deviation_list(data, parse_signed_data(data), "UT")


def _line_targets() -> dict[str, Target]:
    """The protocols of serial lines and sockets: a stream of bytes, and what reads each message that comes out of it."""

    def parse(parser: LineParser, data: bytes) -> object:
        running = parser.make()
        return [parser.read(message) for message in running.receive(data) + running.end()]

    return {
        f"line_{name.replace(' ', '_').replace('-', '_')}": Target(partial(parse, parser), tuple(raw for raw, _ in parser.good))
        for name, parser in parsers().items()
    }


def _defects(data: bytes) -> object:
    return parse_defect_list(data, parse_signed_data(data), "UT")


def _ldif(data: bytes) -> object:
    return list(read_ldif(bounded_lines(io.BytesIO(data))))


def _detail_seeds() -> dict[str, bytes]:
    """Optional data groups with something in each field."""
    name, day, f = PersonName("MUSTER", "KAI"), "20200131", ElementaryFile
    personal = PersonalDetails(
        name, (name,), "4711", day, ("UTOPIA",), ("A", "B"), "1", "P", "DR", "S", b"\xff\xd8\xff", ("X1",), "C"
    )
    issuing = IssuingDetails("OFFICE", day, (name,), "E", "T", b"\xff\xd8\xff", b"\xff\xd8\xff", "20200131120000", "SYS")
    finger = FingerImage(2, 0, 80, 8, 8, b"\xff\xa0\xff\xa4" + bytes(20))
    return {
        "dg3": encode_dg3([FingerRecord(2, (finger, finger))]),
        "dg5": encode_displayed_images(f.DG5, [b"\xff\xd8\xff" + bytes(8)]),
        "dg7": encode_displayed_images(f.DG7, [b"\xff\xd8\xff" + bytes(8)]),
        "dg8": encode_features(f.DG8, [b"template"]),
        "dg11": encode_dg11(personal),
        "dg11_packed": encode_dg11(personal, packed_dates=True),
        "dg12": encode_dg12(issuing),
        "dg15": encode_tlv(0x6F, seeds.public_keys()[0]),
        "dg16": encode_dg16([PersonToNotify(day, name, "1", ("A", "B"))]),
    }


def _defect_seeds(issuer: SimulatedIssuer) -> tuple[bytes, ...]:
    """Lists of both versions with signers named in each way and parameters of each form."""
    files = encode_tlv(0x30, 2 * encode_tlv(0x31, b"\x02\x01\x01"))
    kinds = (
        ("1.1", b"\x0a\x01\x03"),
        ("2.1", encode_tlv(0x31, b"\x02\x01\x0e")),
        ("2.3", files),
        ("2.5", b"\x13\x02UT"),
        ("4.2", b""),
    )
    return tuple(
        issuer.defect_list(*(ListedDefect(issuer.signer, kinds, way, way == "name", text) for way in ("name", "key", "hash")))
        for text in ("", "made wrong")
    )


def _picture_seeds() -> tuple[bytes, ...]:
    """A JPEG, a JP2 file and its bare codestream."""
    picture = Image.new("RGB", (64, 80), (200, 120, 90))
    found = []
    for kind in ("JPEG", "JPEG2000"):
        buffer = io.BytesIO()
        picture.save(buffer, kind)
        found.append(buffer.getvalue())
    return (*found, found[1][found[1].index(bytes.fromhex("ff4fff51")) :])


def _verification_seeds() -> tuple[bytes, ...]:
    office = VerificationOffice.create("UT", random.Random(2).randbytes, TODAY)
    verifier = office.verifier(TODAY)
    system = office.inspection_system(verifier, TODAY)
    return office.root.certificate, verifier.certificate, system.certificate


@cache
def _issued() -> tuple[SimulatedIssuer, Mapping[ElementaryFile, bytes], TrustStore]:
    issuer = SimulatedIssuer.create("UTO", random.Random(1).randbytes, TODAY - timedelta(days=30))
    files = issuer.personalise(PERSON, bytes.fromhex("ffd8ff") + bytes(40), (413, 531)).files
    return issuer, files, TrustStore.from_certificates([issuer.csca_certificate], "fuzz", TODAY)


def _card_security(issuer: SimulatedIssuer) -> bytes:
    picture = bytes.fromhex("ffd8ff") + bytes(40)
    return issuer.personalise(PERSON, picture, (413, 531), kind=seeds.MAPPING_CHIP).files[ElementaryFile.CARD_SECURITY]


def _shared(*places: str) -> tuple[bytes, ...]:
    """Shared test data of a few kilobytes, where they are."""
    root = Path(os.environ.get("EGATE_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "mrtd"
    found = [path for place in places for path in sorted(root.glob(place)) if path.is_file() and path.stat().st_size < 40_000]
    return tuple(path.read_bytes() for path in found)


def targets() -> dict[str, Target]:
    """Every target by name."""
    issuer, files, trust = _issued()
    f = ElementaryFile
    lines = "\n".join(issuer.mrz_lines(PERSON)).encode()
    details, pictures, verification = _detail_seeds(), _picture_seeds(), _verification_seeds()
    faces, keys = (files[f.DG2], *_shared("dg2/*")), seeds.public_keys()
    card_security = (_card_security(issuer), *_shared("certs/efcardsecurity.dump"))
    return {
        "tlv": Target(lambda data: parse_tlvs(data, "fuzzing"), tuple(files.values())),
        "mrz": Target(_mrz_lines, (lines,)),
        "mrz_stored": Target(lambda data: parse_stored_mrz(data.decode("latin-1")), (lines.replace(b"\n", b""),)),
        "command": Target(CommandApdu.from_bytes, (bytes.fromhex("00a4040c07a0000002471001"), bytes.fromhex("00b08100000200"))),
        "response": Target(ResponseApdu.from_bytes, (b"\x90\x00",)),
        "protected_response": Target(_protected_response, (bytes.fromhex("990290008e0800000000000000009000"),)),
        "card_access": Target(parse_card_access, (files[f.CARD_ACCESS],)),
        "card_security": Target(parse_card_security, card_security),
        "card_security_chain": Target(lambda data: inspect_card_security(data, trust, TODAY), card_security),
        "dg14": Target(parse_dg14, (files[f.DG14],)),
        "dg15": Target(
            lambda data: parse_public_key(parse_dg15(data)), (details["dg15"], *_shared("sod_sets/*dg15*", "sod_sets/*/*15*"))
        ),
        "agreement_key": Target(parse_agreement_key, keys),
        "ec_key": Target(parse_ec_public_key, keys),
        "atr_info": Target(parse_atr_info, (bytes.fromhex("7f660802020400020204 00".replace(" ", "")),)),
        "dir": Target(parse_dir, (bytes.fromhex("61094f07a0000002471001"),)),
        "com": Target(parse_com, (files[f.COM],)),
        "dg1": Target(parse_dg1, (files[f.DG1],)),
        "dg2": Target(parse_dg2, faces),
        "face_record_19794": Target(parse_face_record, seeds.face_blocks(faces, simple=True)),
        "face_record_39794": Target(
            parse_extensible_record, (seeds.extensible_record(), *seeds.face_blocks(faces, simple=False))
        ),
        "dg3": Target(parse_dg3, (details["dg3"],)),
        "dg4": Target(parse_dg4, (files[f.DG2].replace(b"\x75", b"\x76", 1),)),
        "dg5": Target(parse_dg5, (details["dg5"],)),
        "dg7": Target(parse_dg7, (details["dg7"],)),
        "dg8": Target(parse_dg8, (details["dg8"],)),
        "dg11": Target(parse_dg11, (details["dg11"], details["dg11_packed"])),
        "dg12": Target(parse_dg12, (details["dg12"],)),
        "dg13": Target(parse_dg13, (bytes.fromhex("6d0100"),)),
        "dg16": Target(parse_dg16, (details["dg16"],)),
        "officer_details": Target(
            lambda data: document_details({f.DG11: data, f.DG12: data, f.DG7: data, f.DG16: data, f.DG13: data}),
            (details["dg11"], details["dg12"]),
        ),
        "image_header": Target(read_header, pictures),
        "codestream": Target(read_codestream, pictures[2:]),
        "page_picture": Target(decode_page, seeds.page_pictures()),
        "inspection_record": Target(parse_record, seeds.inspection_records()),
        "security_object": Target(
            lambda data: inspect_security_object(data, trust, TODAY), (files[f.SOD], *_shared("sod_sets/*sod*", "sod_sets/*/*"))
        ),
        "signed_files": Target(signed_files, (files[f.SOD],)),
        "certificate": Target(parse_certificate, (issuer.csca_certificate, *_shared("certs/*.cer", "certs/*.der"))),
        "revocation_list": Target(parse_revocation_list, (issuer.revocation_list(1, 2, 3), *_shared("crl/*"))),
        "master_list": Target(
            lambda data: load_master_list(data, trust, "fuzz", TODAY), (issuer.master_list(issuer.csca_certificate),)
        ),
        "deviation_list": Target(_deviations, (issuer.deviation_list(), issuer.master_list(issuer.csca_certificate))),
        "defect_list": Target(_defects, _defect_seeds(issuer)),
        "ldif": Target(_ldif, (b"version: 1\n\ndn: c=UT\nuserCertificate;binary:: AAAA\n AAAA\n\n",)),
        "cv_certificate": Target(cvc.parse_certificate, verification),
        "cv_request": Target(cvc.parse_request, seeds.certificate_requests()),
        "boarding_pass": Target(parse_boarding_pass, seeds.boarding_passes()),
        "ef_cvca": Target(parse_ef_cvca, (b"\x42\x0cUTCVCA000001" + bytes(20),)),
        **_line_targets(),
    }
