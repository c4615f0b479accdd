"""JMRTD (Java), a reader that we did not write, reads our simulated chip over the vpcd socket.

`EGATE_PEER_JMRTD` names a directory, or several separated by `:`, with JMRTD, scuba, cert-cvc and BouncyCastle as jars or
classes; a Java development kit runs `JmrtdReader.java`. What JMRTD and what we understand of Doc 9303-11 must be the same (A1).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_active import ActiveStyle
from drivers.sim.passport.chip_kinds import ActiveKind, ActiveWay, AgreementWay, ChipKind, PaceWay
from drivers.sim.passport.chip_options import ChipOptions
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.chip_verification import VerificationOffice
from drivers.sim.passport.issuer import DocumentPlan, PersonData, SimulatedIssuer
from drivers.sim.passport.personalisation import ChipPersonalisation
from drivers.sim.vpcd import VpcdChip
from egate.model.document import ElementaryFile
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.tlv import encode_tlv
from tests.unit.drivers.wires import TestClock, run

pytestmark = pytest.mark.foreign

TODAY = date(2026, 11, 1)
PERSON = PersonData("ERIKSSON", "ANNA MARIA", date(1974, 8, 12), "F", "L898902C3", date(2032, 4, 15))
CAN = "500540"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(3000) + bytes.fromhex("ffd9")
SOURCE = Path(__file__).with_name("JmrtdReader.java")


def class_path() -> str:
    """Where Java finds JMRTD; skips the test where it does not."""
    where = os.environ.get("EGATE_PEER_JMRTD")
    if not where:
        pytest.skip("EGATE_PEER_JMRTD does not say where JMRTD is")
    if shutil.which("java") is None:
        pytest.skip("there is no java (Debian package default-jdk-headless)")
    folders = [Path(name) for name in where.split(":")]
    return ":".join([str(path) for path in folders] + [str(jar) for folder in folders for jar in sorted(folder.glob("*.jar"))])


@asynccontextmanager
async def jmrtd(way: str, *further: str, block: int = 223) -> AsyncIterator[asyncio.subprocess.Process]:
    """The foreign reader as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", class_path(), str(SOURCE)),
        *(PERSON.document_number, f"{PERSON.date_of_birth:%y%m%d}", f"{PERSON.date_of_expiry:%y%m%d}", way, str(block), *further),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def read_by_jmrtd(chip: SimulatedChip, way: str, *further: str, block: int = 223) -> dict[str, str]:
    """What the foreign reader says of our chip: word → value."""
    async with jmrtd(way, *further, block=block) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        word, port = (await process.stdout.readline()).decode().split() or ("", "")
        assert word == "port"
        serving = asyncio.ensure_future(VpcdChip(chip, "127.0.0.1", int(port), TestClock()).run_once())
        lines = (await process.stdout.read()).decode().splitlines()
        errors = (await process.stderr.read()).decode()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    said = dict(line.partition(" ")[::2] for line in lines)
    print("JMRTD", way, {word: value for word, value in said.items() if not word.startswith(("mrz", "dg"))}, errors[-1500:])  # noqa: T201
    return said


def personalised(kind: ChipKind) -> tuple[ChipPersonalisation, str]:
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    return issuer.personalise(PERSON, JPEG, (30, 40), kind=kind), "".join(issuer.mrz_lines(PERSON))


def as_personalised(said: dict[str, str], chip: ChipPersonalisation, mrz: str) -> bool:
    """Whether every file that was read is the issuer's, byte by byte, and its hash is in the security object."""
    assert said["end"] == "ok"
    assert said["mrz"] == mrz
    assert said["faces"] == "1"
    groups = {word: value for word, value in said.items() if word.startswith("dg")}
    for word, value in groups.items():
        content = chip.files[ElementaryFile[word.upper()]]
        assert value == f"{hashlib.sha256(content).hexdigest()} signed"
    return {"dg1", "dg2"} <= set(groups)


def test_basic_access_control_and_active_authentication_with_rsa() -> None:
    chip, mrz = personalised(ChipKind(pace=False, chip_authentication=False, active_authentication=ActiveKind.RSA))
    lenient = ChipOptions(strict_lengths=False)  # JMRTD asks for a long signature in an extended length, whatever the chip states
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes, lenient), "bac"), 60)
    assert said["bac"] == "done"
    assert said["aa"] == "holds"
    assert as_personalised(said, chip, mrz)


WAYS = {
    "gm-aes128-brainpool256": PaceWay("gm", CipherSuite.AES128, 13),
    "gm-3des-p256": PaceWay("gm", CipherSuite.DES3, 12),
    "gm-aes192-brainpool384": PaceWay("gm", CipherSuite.AES192, 16),
    "gm-aes256-p521": PaceWay("gm", CipherSuite.AES256, 18),
    "gm-aes256-brainpool320": PaceWay("gm", CipherSuite.AES256, 14),
    "gm-aes128-group2048": PaceWay("gm", CipherSuite.AES128, 2),
    "im-aes128-brainpool256": PaceWay("im", CipherSuite.AES128, 13),
    "im-aes256-p256": PaceWay("im", CipherSuite.AES256, 12),
    "im-aes128-group1024": PaceWay("im", CipherSuite.AES128, 0),
    "cam-aes128-brainpool256": PaceWay("cam", CipherSuite.AES128, 13),
    "cam-aes256-p384": PaceWay("cam", CipherSuite.AES256, 15),
}


@pytest.mark.parametrize("name", WAYS)
def test_pace_and_chip_authentication(name: str) -> None:
    """A1, each mapping by curves and groups; CAM's proof is computed again from the key of EF.CardSecurity."""
    way = WAYS[name]
    agreement = AgreementWay(way.parameter_id) if way.mapping == "cam" else AgreementWay()
    chip, mrz = personalised(ChipKind(bac=False, ways=(way,), agreements=(agreement,)))
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes), "pace"), 60)
    assert said["pace"].split()[0] == way.mapping.upper()
    assert said["ca"] == "id-CA-ECDH-AES-CBC-CMAC-128"
    assert said.get("cam") == ("holds" if way.mapping == "cam" else None)
    assert as_personalised(said, chip, mrz)


def test_pace_with_the_card_access_number_and_a_wrong_one() -> None:
    chip, mrz = personalised(ChipKind())
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes, ChipOptions(card_access_number=CAN)), f"can:{CAN}"), 60)
    assert as_personalised(said, chip, mrz)
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes, ChipOptions(card_access_number=CAN)), "can:500541"), 60)
    assert "pace" not in said
    assert "end" not in said


AGREEMENTS = {
    "3des-p256": AgreementWay(12, CipherSuite.DES3),
    "aes256-brainpool512": AgreementWay(17, CipherSuite.AES256),
    "aes128-group2048": AgreementWay(2, CipherSuite.AES128),
    "numbered": AgreementWay(13, CipherSuite.AES192, key_id=7),
}


@pytest.mark.parametrize("name", AGREEMENTS)
def test_chip_authentication(name: str) -> None:
    chip, mrz = personalised(ChipKind(agreements=(AGREEMENTS[name],)))
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes), "pace"), 60)
    assert said["ca"].startswith("id-CA-")
    assert as_personalised(said, chip, mrz)


@pytest.mark.parametrize("way", [ActiveWay("brainpoolP256r1", "sha256"), ActiveWay("secp384r1", "sha384")], ids=str)
def test_active_authentication_with_a_curve(way: ActiveWay) -> None:
    chip, mrz = personalised(ChipKind(active_authentication=way))
    options = ChipOptions(active_style=ActiveStyle(way.digest))
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes, options), "pace"), 60)
    assert said["aa"] == "holds"
    assert as_personalised(said, chip, mrz)


@pytest.mark.parametrize("way", ["pace", "bac"])
@pytest.mark.parametrize("fingerprints", [True, False])
def test_terminal_authentication(way: str, fingerprints: bool, tmp_path: Path) -> None:
    """EAC of TR-03110-1: JMRTD sends the certificates and signs; our chip opens DG3 to those with the right alone."""
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    finger = encode_tlv(0x63, encode_tlv(0x7F61, b"\x02\x01\x01" + bytes(300)))
    chip = issuer.personalise_as(PERSON, JPEG, (30, 40), DocumentPlan(further={ElementaryFile.DG3: finger}))
    state = VerificationOffice.create("UT", secrets.token_bytes, TODAY)
    verifier = state.verifier(TODAY, fingerprints=fingerprints, irises=False)
    system = state.inspection_system(verifier, TODAY, fingerprints=fingerprints, irises=False)
    key = tmp_path / "terminal.pk8"
    assert isinstance(system.key, ec.EllipticCurvePrivateKey)
    key.write_bytes(system.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    names = [str(key)]
    for index, certificate in enumerate((verifier.certificate, system.certificate)):
        (tmp_path / f"{index}.cvcert").write_bytes(certificate)
        names.append(str(tmp_path / f"{index}.cvcert"))
    terminal = TerminalAuthentication((state.root.certificate,), TODAY, secrets.token_bytes)
    said = run(read_by_jmrtd(SimulatedChip(chip, secrets.token_bytes, terminal=terminal), way, *names), 60)
    assert said["ca"].startswith("id-CA-")
    assert "ta" in said
    assert ("dg3" in said) is fingerprints
    assert not fingerprints or as_personalised(said, chip, "".join(issuer.mrz_lines(PERSON)))


def test_a_clone_is_found_by_the_foreign_reader_too() -> None:
    """The counter-proof: with another key in the chip, JMRTD's chip authentication does not end well."""
    chip, _ = personalised(ChipKind())
    other, _ = personalised(ChipKind())
    clone = ChipPersonalisation(chip.mrz, chip.files, other.chip_authentication_key, agreement_keys=other.agreement_keys)
    said = run(read_by_jmrtd(SimulatedChip(clone, secrets.token_bytes), "pace"), 60)
    assert "end" not in said
