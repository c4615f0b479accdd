"""The simulated chip's protocols: BAC, PACE with generic mapping, chip authentication, active authentication.

Source: ICAO Doc 9303-11 §4.3, §4.4, §6.1, §6.2. Rule: written from the chip's side of the standard; it shares with the reader
only primitives that published vectors prove (ciphers, key derivation, key agreement). A wrong key ends in status word 6300.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_NOT_FOUND, SW_WRONG_DATA, SW_WRONG_LENGTH, status
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.personalisation import ActiveKey
from egate.model.document import MrzInformation
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt, mac, pad
from egate.mrtd.files.security_infos import PaceInfo, decode_oid, encode_oid
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs
from egate.mrtd.keys import basic_access_keys, mrz_password, password_key, session_keys

Entropy = Callable[[int], bytes]

SW_AUTHENTICATION_FAILED = 0x6300
SW_REFERENCE_NOT_FOUND = 0x6A88
_SUITES = {1: CipherSuite.DES3, 2: CipherSuite.AES128, 3: CipherSuite.AES192, 4: CipherSuite.AES256}
_NONCE_BYTES = {CipherSuite.DES3: 16, CipherSuite.AES128: 16, CipherSuite.AES192: 32, CipherSuite.AES256: 32}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and, where the command began one, the session that holds after it."""

    response: ResponseApdu
    session: CardMessaging | None = None


def _refusal(sw: int) -> Answer:
    return Answer(status(sw))


class BasicAccess:
    """BAC: one challenge, one answer."""

    def __init__(self, information: MrzInformation, entropy: Entropy) -> None:
        self._keys = basic_access_keys(information)
        self._entropy = entropy
        self._challenge = b""

    def challenge(self, command: CommandApdu) -> ResponseApdu:
        """GET CHALLENGE."""
        if command.le != 8:
            return status(SW_WRONG_LENGTH)
        self._challenge = self._entropy(8)
        return ResponseApdu(self._challenge, 0x9000)

    def answer(self, command: CommandApdu) -> Answer:
        """EXTERNAL AUTHENTICATE: verify the terminal's half and send ours."""
        challenge, self._challenge = self._challenge, b""
        if len(challenge) != 8 or len(command.data) != 40:
            return _refusal(SW_CONDITIONS if len(command.data) == 40 else SW_WRONG_LENGTH)
        text, code = command.data[:32], command.data[32:]
        if not hmac.compare_digest(self._mac(text), code):
            return _refusal(SW_AUTHENTICATION_FAILED)
        plain = decrypt(CipherSuite.DES3, self._keys.encryption, bytes(8), text)
        theirs, echoed, their_half = plain[:8], plain[8:16], plain[16:]
        if echoed != challenge:
            return _refusal(SW_AUTHENTICATION_FAILED)
        our_half = self._entropy(16)
        reply = encrypt(CipherSuite.DES3, self._keys.encryption, bytes(8), challenge + theirs + our_half)
        seed = (int.from_bytes(their_half, "big") ^ int.from_bytes(our_half, "big")).to_bytes(16, "big")
        counter = int.from_bytes(challenge[4:] + theirs[4:], "big")
        session = CardMessaging(session_keys(CipherSuite.DES3, seed), counter)
        return Answer(ResponseApdu(reply + self._mac(reply), 0x9000), session)

    def _mac(self, text: bytes) -> bytes:
        return mac(CipherSuite.DES3, self._keys.mac, pad(text, 8))


@dataclass(slots=True)
class _PaceRun:
    """What the chip remembers between the steps of one run. Elements are points or integers, as the agreement has it."""

    oid: str
    suite: CipherSuite
    agreement: CurveAgreement | GroupAgreement
    password: bytes = field(repr=False)
    nonce: bytes = field(repr=False, default=b"")
    base: Any = field(repr=False, default=None)
    own_public: Any = field(repr=False, default=None)
    their_public: Any = field(repr=False, default=None)
    secret: bytes = field(repr=False, default=b"")
    step: int = 0


class PaceAccess:
    """PACE: MSE:Set AT and the four steps of GENERAL AUTHENTICATE."""

    def __init__(self, offered: tuple[PaceInfo, ...], passwords: dict[int, bytes], entropy: Entropy) -> None:
        self._offered = offered
        self._passwords = passwords
        self._entropy = entropy
        self._run: _PaceRun | None = None

    def set_up(self, command: CommandApdu) -> ResponseApdu:
        """MSE:Set AT for mutual authentication (22 C1 A4)."""
        self._run = None
        try:
            parts = {item.tag: item.value for item in parse_tlvs(command.data, "setting up PACE")}
            oid = decode_oid(parts.get(0x80, b""))
        except MalformedData:
            return status(SW_WRONG_DATA)
        info = next((item for item in self._offered if item.oid == oid and self._is_named(item, parts)), None)
        password = self._passwords.get(int.from_bytes(parts.get(0x83, b""), "big"))
        if info is None or password is None:
            return status(SW_WRONG_DATA if info is None else SW_REFERENCE_NOT_FOUND)
        agreement = agreement_by_id(-1 if info.parameter_id is None else info.parameter_id)
        suite = _SUITES.get(int(oid.rsplit(".", 1)[1]))
        if agreement is None or suite is None:
            return status(SW_WRONG_DATA)
        self._run = _PaceRun(oid, suite, agreement, password)
        return status(0x9000)

    def _is_named(self, info: PaceInfo, parts: dict[int, bytes]) -> bool:
        return 0x84 not in parts or int.from_bytes(parts[0x84], "big") == info.parameter_id

    def step(self, command: CommandApdu) -> Answer:
        """One GENERAL AUTHENTICATE; only the fourth is not chained (CLA 10)."""
        run = self._run
        if run is None:
            return _refusal(SW_CONDITIONS)
        steps = (self._send_nonce, self._map, self._agree, self._authenticate)
        last = run.step == len(steps) - 1
        if bool(command.cla & 0x10) == last:
            self._run = None
            return _refusal(SW_CONDITIONS)
        try:
            sent = parse_tlvs(parse_one(command.data, 0x7C, "PACE"), "PACE")
            answer = steps[run.step](run, {item.tag: item.value for item in sent})
        except (MalformedData, KeyError):
            answer = _refusal(SW_WRONG_DATA)
        run.step += 1
        if last or not answer.response.ok:
            self._run = None
        return answer

    def _send_nonce(self, run: _PaceRun, sent: dict[int, bytes]) -> Answer:
        if sent:
            return _refusal(SW_WRONG_DATA)
        run.nonce = self._entropy(_NONCE_BYTES[run.suite])
        key = password_key(run.suite, run.password)
        return _dynamic(0x80, encrypt(run.suite, key, bytes(run.suite.block_bytes), run.nonce))

    def _scalar(self, run: _PaceRun) -> int:
        return 1 + int.from_bytes(self._entropy(72), "big") % (run.agreement.order - 1)

    def _map(self, run: _PaceRun, sent: dict[int, bytes]) -> Answer:
        """The mapped base is H + s·G; here first H from the terminal's mapping key."""
        agreement: Any = run.agreement
        private = self._scalar(run)
        shared = agreement.multiply(private, agreement.decode(sent[0x81]))
        run.base = agreement.add(shared, agreement.multiply(int.from_bytes(run.nonce, "big") % agreement.order, agreement.base))
        return _dynamic(0x82, agreement.encode(agreement.multiply(private, agreement.base)))

    def _agree(self, run: _PaceRun, sent: dict[int, bytes]) -> Answer:
        agreement: Any = run.agreement
        private = self._scalar(run)
        run.own_public = agreement.multiply(private, run.base)
        run.their_public = agreement.decode(sent[0x83])
        run.secret = agreement.secret(agreement.multiply(private, run.their_public))
        return _dynamic(0x84, agreement.encode(run.own_public))

    def _authenticate(self, run: _PaceRun, sent: dict[int, bytes]) -> Answer:
        keys = session_keys(run.suite, run.secret)
        if not hmac.compare_digest(self._token(run, keys.mac, run.own_public), sent[0x85]):
            return _refusal(SW_AUTHENTICATION_FAILED)
        return Answer(_dynamic(0x86, self._token(run, keys.mac, run.their_public)).response, CardMessaging(keys))

    def _token(self, run: _PaceRun, key: bytes, public: Any) -> bytes:
        tag = 0x86 if isinstance(run.agreement, CurveAgreement) else 0x84
        agreement: Any = run.agreement
        template = encode_tlv(0x7F49, encode_tlv(0x06, encode_oid(run.oid)) + encode_tlv(tag, agreement.encode(public)))
        return mac(run.suite, key, pad(template, 8) if run.suite is CipherSuite.DES3 else template)


def _dynamic(tag: int, value: bytes) -> Answer:
    return Answer(ResponseApdu(encode_tlv(0x7C, encode_tlv(tag, value)), 0x9000))


def passwords(information: MrzInformation, card_access_number: str) -> dict[int, bytes]:
    """The passwords of PACE by their reference."""
    known = {1: mrz_password(information)}
    return known | {2: card_access_number.encode("ascii")} if card_access_number else known


class ChipAuthentication:
    """Chip authentication with a static key, computed by OpenSSL, apart from the reader's arithmetic."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | None) -> None:
        self._key = key
        self._suite: CipherSuite | None = None

    def set_up(self, command: CommandApdu) -> ResponseApdu:
        """MSE:Set AT for internal authentication (22 41 A4): remember the cipher."""
        self._suite = None
        if self._key is None:
            return status(SW_REFERENCE_NOT_FOUND)
        try:
            parts = {item.tag: item.value for item in parse_tlvs(command.data, "setting up chip authentication")}
            self._suite = _SUITES.get(int(decode_oid(parts.get(0x80, b"")).rsplit(".", 1)[1]))
        except (MalformedData, IndexError):
            return status(SW_WRONG_DATA)
        return status(0x9000 if self._suite else SW_WRONG_DATA)

    @property
    def expected(self) -> bool:
        """Whether the next GENERAL AUTHENTICATE belongs to this protocol."""
        return self._suite is not None

    def agree(self, command: CommandApdu) -> Answer:
        """GENERAL AUTHENTICATE with the terminal's ephemeral key."""
        suite, self._suite = self._suite, None
        try:
            public = parse_one(parse_one(command.data, 0x7C, "chip authentication"), 0x80, "chip authentication")
        except MalformedData:
            return _refusal(SW_WRONG_DATA)
        return _refusal(SW_CONDITIONS) if suite is None else self._answer(suite, public, encode_tlv(0x7C, b""))

    def agree_by_key_only(self, command: CommandApdu) -> Answer:
        """MSE:Set KAT (22 41 A6), the form of 3DES."""
        try:
            parts = {item.tag: item.value for item in parse_tlvs(command.data, "chip authentication")}
        except MalformedData:
            return _refusal(SW_WRONG_DATA)
        return self._answer(CipherSuite.DES3, parts.get(0x91, b""), b"")

    def _answer(self, suite: CipherSuite, public: bytes, data: bytes) -> Answer:
        if self._key is None:
            return _refusal(SW_NOT_FOUND)
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, public)
        except ValueError:
            return _refusal(SW_WRONG_DATA)
        return Answer(ResponseApdu(data, 0x9000), CardMessaging(session_keys(suite, self._key.exchange(ec.ECDH(), other))))


def sign_challenge(key: ActiveKey, challenge: bytes, entropy: Entropy) -> bytes:
    """The chip's answer to INTERNAL AUTHENTICATE: ISO/IEC 9796-2 scheme 1 for RSA, plain r ‖ s for a curve."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(challenge, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    message = entropy(size - 1 - 32 - 2)
    digest = hashlib.sha256(message + challenge).digest()
    representative = b"\x6a" + message + digest + b"\x34\xcc"
    return pow(int.from_bytes(representative, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
