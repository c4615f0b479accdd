"""The chip session's own time: secure messaging for each APDU, and a full read against the economy that the project asks for.

The peer of each secure messaging row is the bare cipher work of the same exchange, done by `cryptography` in the same run:
encrypt the counter, decrypt 224 bytes and authenticate command and response. The rest is our APDU and TLV coding. The chip's own
work is prepared beforehand and not timed.

A whole reading is counted, not waited for: `drivers.sim.passport.timed` adds up the air (424 kbit/s, nine bits a byte: 21 µs;
block frames included) and 10 ms of thought for each APDU, and the reader's own measured time is added. Floors: as many APDUs as
the files have blocks, with the commands that the protocols cannot do without; as many bytes as the files have.
"""

from __future__ import annotations

import hmac
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from drivers.sim.passport.chip import ChipOptions, SimulatedChip
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.personalisation import ChipPersonalisation
from drivers.sim.passport.timed import Spent, TimedChip
from egate.model.document import ElementaryFile
from egate.model.face import ImageFormat
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.face_record import encode_dg2
from egate.mrtd.files.lds import encode_com, encode_dg1
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.mrtd.files.security_infos import PaceInfo, encode_card_access, encode_dg14, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.quirks import Quirk
from egate.mrtd.reading import PartialReading, ReadRequest, read_chip
from egate.mrtd.secure_messaging import SecureMessaging, largest_read
from tests.bench.row import BenchRow
from tests.unit.mrtd.listed_sod import listed_sod

_EXCHANGES = 2000
_BLOCK_BYTES = 223
_LIMIT_US = {CipherSuite.AES128: 60.0, CipherSuite.AES256: 60.0, CipherSuite.DES3: 150.0}
_FACE_BYTES = 15_083
_LIMIT_APDUS = 92.0
_LIMIT_EXTENDED_APDUS = 24.0
_LIMIT_S, _LIMIT_EXTENDED_S = 2.0, 1.2
_LONG_RESPONSE_BYTES = 4096
_SOD_BYTES = 1_782
_LIMIT_BAC_APDUS = 112.0
_BEST_PEER_APDUS = 117.0
"""JMRTD over the same case, and gmrtd 124 (FACTS: case BAC, 128-byte blocks, six files of 12.7 kB)."""
_BAC_BYTES = 12_700
_PACE_APDUS = 1 + 1 + 4 + 1
"""EF.CardAccess, MSE:Set AT, four steps, the application."""
_CHIP_AUTHENTICATION_APDUS = 2
_BAC_APDUS = 3
"""The application, challenge, answer."""
_READ = CommandApdu(0x00, 0xB0, 0x01, 0x00, le=_BLOCK_BYTES)


def rows() -> list[BenchRow]:
    """Secure messaging in three ciphers, each against the bare cipher and its limit, then whole readings."""
    found: list[BenchRow] = []
    for suite, limit in _LIMIT_US.items():
        name = f"secure messaging, one APDU of 224 B, {suite.word}"
        ours = _median_us(_exchange_of_ours(suite))
        found.append(BenchRow(name, ours, "µs", "bare cryptography, same bytes", _median_us(_bare(suite))))
        found.append(BenchRow(name, ours, "µs", "goal of the project", limit))
    return found + _whole_readings()


def _median_us(once: Callable[[], None]) -> float:
    times = []
    for _ in range(_EXCHANGES):
        start = perf_counter()
        once()
        times.append(perf_counter() - start)
    return statistics.median(times) * 1e6


def _exchange_of_ours(suite: CipherSuite) -> Callable[[], None]:
    """Wrap, encode, parse, unwrap; the chip's responses are computed before the clock runs."""
    keys = session_keys(suite, b"benchmark")
    chip = CardMessaging(keys)
    reader = SecureMessaging(keys)
    responses = []
    for _ in range(_EXCHANGES):
        chip.counter += 1
        responses.append(chip.seal(ResponseApdu(bytes(_BLOCK_BYTES), 0x9000)).to_bytes())
    waiting = iter(responses)

    def once() -> None:
        reader.wrap(_READ).to_bytes()
        reader.unwrap(ResponseApdu.from_bytes(next(waiting)))

    return once


def _bare(suite: CipherSuite) -> Callable[[], None]:
    """The cipher work that the standard demands of the reader for one READ BINARY, and nothing else."""
    return _bare_des() if suite is CipherSuite.DES3 else _bare_aes(bytes(suite.key_bytes))


def _bare_aes(key: bytes) -> Callable[[], None]:
    command, response, text = bytes(48), bytes(272), bytes(224)

    def code(data: bytes) -> bytes:
        context = CMAC(AES(key))
        context.update(data)
        return context.finalize()

    def once() -> None:
        code(command)
        hmac.compare_digest(code(response), bytes(16))
        vector = Cipher(AES(key), modes.CBC(bytes(16))).encryptor().update(bytes(16))
        Cipher(AES(key), modes.CBC(vector)).decryptor().update(text)

    return once


def _bare_des() -> Callable[[], None]:
    single, double = TripleDES(bytes(range(8)) * 3), TripleDES(bytes(range(16)) + bytes(range(8)))
    command, response, text = bytes(32), bytes(248), bytes(224)

    def code(data: bytes) -> bytes:
        chaining = Cipher(single, modes.CBC(bytes(8))).encryptor().update(data[:-8])[-8:]
        return Cipher(double, modes.CBC(chaining)).encryptor().update(data[-8:])

    def once() -> None:
        code(command)
        hmac.compare_digest(code(response), bytes(8))
        Cipher(double, modes.CBC(bytes(8))).decryptor().update(text)

    return once


@dataclass(frozen=True, slots=True)
class _Case:
    """What is read and how; `most_bytes` is a block size that is known beforehand, 0 when it must be learnt."""

    name: str
    files: dict[ElementaryFile, bytes]
    response_bytes: int = 256
    pace: bool = True
    most_bytes: int = 0
    options: ChipOptions | None = None

    def floor_apdus(self, block_bytes: int) -> int:
        """One command for each block of each file, and what the protocols need."""
        read = [data for file, data in self.files.items() if file.in_application]
        protocols = _PACE_APDUS + _CHIP_AUTHENTICATION_APDUS if self.pace else _BAC_APDUS
        return protocols + sum(-(-len(data) // block_bytes) for data in read)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one reading cost: in the air and the chip (counted), and in this program (measured, in ms)."""

    spent: Spent
    ours_ms: float
    chip_ms: float

    @property
    def seconds(self) -> float:
        """From the first command to the last byte."""
        return self.spent.seconds + self.ours_ms / 1e3


_KEY = ec.derive_private_key(0x1234567890ABCDEF1234567890ABCDEF, ec.BrainpoolP256R1())
_LINES = encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415"))
_INFORMATION = parse_mrz(_LINES).information


def _whole_readings() -> list[BenchRow]:
    """PACE, chip authentication and a face of 15 kB, in short and in long blocks; then BAC in blocks of 128 bytes."""
    short = _Case("PACE + CA + DG2 of 15 kB, short APDUs", _passport())
    atr_info = encode_atr_info(AtrInfo(True, _LONG_RESPONSE_BYTES, _LONG_RESPONSE_BYTES))
    long = _Case(
        "PACE + CA + DG2 of 15 kB, 4 kB responses", _passport() | {ElementaryFile.ATR_INFO: atr_info}, _LONG_RESPONSE_BYTES
    )
    rows: list[BenchRow] = []
    for case, apdus, seconds in ((short, _LIMIT_APDUS, _LIMIT_S), (long, _LIMIT_EXTENDED_APDUS, _LIMIT_EXTENDED_S)):
        reading = _read(case)
        block = largest_read(CipherSuite.AES128, case.response_bytes)
        rows += [
            BenchRow(case.name, float(reading.spent.apdus), "APDUs", "goal of the project", apdus),
            BenchRow(case.name, float(reading.spent.apdus), "APDUs", "floor", float(case.floor_apdus(block))),
            BenchRow(f"{case.name}, on the air", _on_air(reading), "bytes", "floor: the files alone", _content(case)),
            BenchRow(f"{case.name}, 424 kbit/s and 10 ms an APDU", reading.seconds, "s", "goal of the project", seconds),
            BenchRow(f"{case.name}, reader's time", reading.ours_ms, "ms", "the simulated chip's own time", reading.chip_ms),
            BenchRow(f"{case.name}, reader's time", reading.ours_ms, "ms", "goal, passive authentication included", 60.0),
        ]
    return rows + _by_basic_access()


def _by_basic_access() -> list[BenchRow]:
    """The case of which figures of other readers are known, with the block size known and with it learnt the hard way."""
    files = _six_files()
    ends = ChipOptions(quirks=frozenset({Quirk.LENGTH_ENDS_SESSION}))
    strict = ChipOptions(quirks=frozenset({Quirk.LENGTH_ENDS_SESSION, Quirk.LARGEST_READ_80}))
    known = _Case("BAC, blocks of 128 bytes, six files of 12.7 kB", files, pace=False, most_bytes=0x80)
    learnt = _Case("BAC, a chip that breaks above 192 bytes, the same files", files, pace=False, options=ends)
    hard = _Case("BAC, a chip that breaks above 128 bytes, the same files", files, pace=False, options=strict)
    counts = {case.name: float(_read(case).spent.apdus) for case in (known, learnt, hard)}
    return [
        BenchRow(known.name, counts[known.name], "APDUs", "goal of the project", _LIMIT_BAC_APDUS),
        BenchRow(known.name, counts[known.name], "APDUs", "JMRTD, the best peer, counted earlier", _BEST_PEER_APDUS),
        BenchRow(known.name, counts[known.name], "APDUs", "floor", float(known.floor_apdus(0x80))),
        BenchRow(learnt.name, counts[learnt.name], "APDUs", "goal of the project", _LIMIT_BAC_APDUS),
        BenchRow(hard.name, counts[hard.name], "APDUs", "JMRTD, told beforehand, counted earlier", _BEST_PEER_APDUS),
    ]


def _on_air(reading: _Reading) -> float:
    return float(reading.spent.sent_bytes + reading.spent.received_bytes)


def _content(case: _Case) -> float:
    return float(sum(len(data) for data in case.files.values()))


def _read(case: _Case) -> _Reading:
    """The cost of a reading; times are medians of a few."""
    key = _KEY if case.pace else None
    personalisation = ChipPersonalisation(_INFORMATION, case.files, key, supports_pace=case.pace)
    chip = SimulatedChip(personalisation, random.Random(1).randbytes, case.options)
    further = tuple(file for file in (ElementaryFile.DG11,) if file in case.files)
    request = ReadRequest(_INFORMATION, max_response_bytes=case.response_bytes, further_files=further)
    ours, theirs, spent = [], [], Spent(0, 0, 0, 0.0)
    for seed in range(5 if case.pace else 1):
        chip.reset()
        timed, in_chip, start = TimedChip(chip), 0.0, perf_counter()
        partial = PartialReading()
        partial.information = _INFORMATION
        if case.most_bytes:
            partial.habits.most_bytes = case.most_bytes
        dialogue = read_chip(request, random.Random(seed).randbytes, lambda _: None, partial)
        command = next(dialogue)
        try:
            while True:
                raw = command.to_bytes()
                before = perf_counter()
                answer = timed.transceive(raw)
                in_chip += perf_counter() - before
                command = dialogue.send(ResponseApdu.from_bytes(answer))
        except StopIteration as stop:
            if not {file for file in case.files if file.in_application} <= set(stop.value.files):
                raise ValueError("the reading did not reach every file") from None
        ours.append((perf_counter() - start - in_chip) * 1e3)
        theirs.append(in_chip * 1e3)
        spent = timed.spent
    return _Reading(spent, statistics.median(ours), statistics.median(theirs))


def _face(size_bytes: int) -> bytes:
    """DG2 of about this size; below 64 kB its headers have one length."""
    overhead = len(encode_dg2(b"\xff\xd8\xff" + bytes(9_997), 413, 531, ImageFormat.JPEG)) - 10_000
    return encode_dg2(b"\xff\xd8\xff" + bytes(size_bytes - overhead - 3), 413, 531, ImageFormat.JPEG)


def _signed(files: dict[ElementaryFile, bytes]) -> dict[ElementaryFile, bytes]:
    """With EF.COM, and EF.SOD of the size that signed ones have."""
    files = files | {ElementaryFile.COM: encode_com(files)}
    short = len(listed_sod(files, bytes(1_000))) - 1_000
    return files | {ElementaryFile.SOD: listed_sod(files, bytes(_SOD_BYTES - short))}


def _passport() -> dict[ElementaryFile, bytes]:
    """PACE with AES, chip authentication, and a face of 15,083 bytes."""
    groups = {
        ElementaryFile.DG1: encode_dg1(_LINES),
        ElementaryFile.DG2: _face(_FACE_BYTES),
        ElementaryFile.DG14: encode_dg14(_KEY.public_key()),
    }
    return _signed(groups) | {ElementaryFile.CARD_ACCESS: encode_card_access([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13)])}


def _six_files() -> dict[ElementaryFile, bytes]:
    """EF.COM, EF.SOD, DG1, DG2, DG11 and DG15, 12,700 bytes together; DG15 holds no key, so nothing is asked to sign."""
    groups = {
        ElementaryFile.DG1: encode_dg1(_LINES),
        ElementaryFile.DG11: encode_tlv(0x6B, bytes(120)),
        ElementaryFile.DG15: encode_tlv(0x6F, bytes(160)),
        ElementaryFile.DG2: b"",
    }
    others = sum(len(data) for data in _signed(groups).values())
    return _signed(groups | {ElementaryFile.DG2: _face(_BAC_BYTES - others)})
