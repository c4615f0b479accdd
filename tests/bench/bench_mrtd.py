"""The chip session's own time: secure messaging for each APDU, and a full read against the economy that the project asks for.

The peer of each secure messaging row is the bare cipher work of the same exchange, done by `cryptography` in the same run:
encrypt the counter, decrypt 224 bytes and authenticate command and response. The rest is our APDU and TLV coding. The chip's own
work is prepared beforehand and not timed.
"""

from __future__ import annotations

import hmac
import random
import statistics
from collections.abc import Callable
from time import perf_counter

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.model.document import ElementaryFile
from egate.model.face import ImageFormat
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.face_record import encode_dg2
from egate.mrtd.files.lds import encode_com, encode_dg1
from egate.mrtd.files.mrz import Td3Fields, encode_td3, parse_mrz
from egate.mrtd.files.security_infos import PaceInfo, encode_card_access, encode_dg14, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.reading import ReadRequest, read_chip
from egate.mrtd.secure_messaging import SecureMessaging
from tests.bench.row import BenchRow

_EXCHANGES = 2000
_BLOCK_BYTES = 223
_LIMIT_US = {CipherSuite.AES128: 60.0, CipherSuite.AES256: 60.0, CipherSuite.DES3: 150.0}
_FACE_BYTES = 15_083
_LIMIT_APDUS = 92.0
_LIMIT_EXTENDED_APDUS = 24.0
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


def _whole_readings() -> list[BenchRow]:
    """PACE, chip authentication and a face of 15 KB: exchanges, and our time without the chip's."""
    exchanges, ours_ms, chip_ms = _read(256)
    extended, _, _ = _read(4096)
    face = "PACE + chip authentication + DG2 of 15 KB"
    return [
        BenchRow(f"{face}, short APDUs", float(exchanges), "APDUs", "goal of the project", _LIMIT_APDUS),
        BenchRow(f"{face}, 4 KB responses", float(extended), "APDUs", "goal of the project", _LIMIT_EXTENDED_APDUS),
        BenchRow(f"{face}, reader's time", ours_ms, "ms", "the simulated chip's own time", chip_ms),
        BenchRow(f"{face}, reader's time", ours_ms, "ms", "goal for reading and passive authentication", 60.0),
    ]


def _read(response_bytes: int) -> tuple[int, float, float]:
    """The number of exchanges and the medians, in ms, of the reader's and of the chip's time."""
    chip, request = _passport(response_bytes)
    ours, theirs, exchanges = [], [], 0
    for seed in range(5):
        chip.reset()
        spent = 0.0
        start = perf_counter()
        dialogue = read_chip(request, random.Random(seed).randbytes, lambda _: None)
        command = next(dialogue)
        try:
            while True:
                raw = command.to_bytes()
                before = perf_counter()
                answer = chip.transceive(raw)
                spent += perf_counter() - before
                command = dialogue.send(ResponseApdu.from_bytes(answer))
        except StopIteration as stop:
            exchanges = len(stop.value.transcript)
            if ElementaryFile.DG2 not in stop.value.files:
                raise ValueError("the reading did not reach the face") from None
        ours.append((perf_counter() - start - spent) * 1e3)
        theirs.append(spent * 1e3)
    return exchanges, statistics.median(ours), statistics.median(theirs)


def _passport(response_bytes: int) -> tuple[SimulatedChip, ReadRequest]:
    lines = encode_td3(Td3Fields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415"))
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    overhead = len(encode_dg2(b"\xff\xd8\xff" + bytes(14_000), 413, 531, ImageFormat.JPEG)) - 14_003
    files = {
        ElementaryFile.CARD_ACCESS: encode_card_access([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13)]),
        ElementaryFile.COM: encode_com([ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14]),
        ElementaryFile.SOD: encode_tlv(0x77, bytes(1778)),
        ElementaryFile.DG1: encode_dg1(lines),
        ElementaryFile.DG2: encode_dg2(b"\xff\xd8\xff" + bytes(_FACE_BYTES - overhead - 3), 413, 531, ImageFormat.JPEG),
        ElementaryFile.DG14: encode_dg14(key.public_key()),
    }
    information = parse_mrz(lines).information
    chip = SimulatedChip(ChipPersonalisation(information, files, key), random.Random(1).randbytes)
    return chip, ReadRequest(information, max_response_bytes=response_bytes)
