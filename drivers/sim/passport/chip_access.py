"""The simulated chip's protocols: BAC, PACE with its three mappings, chip authentication.

Source: ICAO Doc 9303-11 §4.3, §4.4, §6.2. Rule: written from the chip's side of the standard; it shares with the reader
only primitives that published vectors prove (ciphers, key derivation, key agreement). A wrong key ends in status word 6300.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_NOT_FOUND, SW_WRONG_DATA, SW_WRONG_LENGTH, status
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.personalisation import AgreementKey
from egate.model.document import MrzInformation
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt, encrypt_block, mac, pad
from egate.mrtd.crypto.ec import Curve
from egate.mrtd.crypto.mapping import NONCE_BYTES, map_integrated
from egate.mrtd.crypto.soundness import ExplicitParameters
from egate.mrtd.files.security_infos import (
    DH_INTEGRATED,
    ECDH_CHIP_AUTHENTICATION,
    ECDH_INTEGRATED,
    PaceDomainParameters,
    PaceInfo,
    decode_oid,
    encode_oid,
)
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs
from egate.mrtd.keys import basic_access_keys, mrz_password, password_key, session_keys

Entropy = Callable[[int], bytes]

SW_AUTHENTICATION_FAILED = 0x6300
SW_REFERENCE_NOT_FOUND = 0x6A88
_SUITES = {1: CipherSuite.DES3, 2: CipherSuite.AES128, 3: CipherSuite.AES192, 4: CipherSuite.AES256}


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

    info: PaceInfo
    suite: CipherSuite
    agreement: CurveAgreement | GroupAgreement
    password: bytes = field(repr=False)
    static: AgreementKey | None = field(repr=False, default=None)
    mapping_private: int = field(repr=False, default=0)
    nonce: bytes = field(repr=False, default=b"")
    base: Any = field(repr=False, default=None)
    own_public: Any = field(repr=False, default=None)
    their_public: Any = field(repr=False, default=None)
    secret: bytes = field(repr=False, default=b"")
    step: int = 0


class PaceAccess:
    """PACE: MSE:Set AT and the four steps of GENERAL AUTHENTICATE.

    `keys` are the chip's static keys, which chip authentication mapping needs; `parameters` those that EF.CardAccess spells out.
    """

    def __init__(
        self,
        offered: tuple[PaceInfo, ...],
        passwords: dict[int, bytes],
        entropy: Entropy,
        keys: Sequence[AgreementKey] = (),
        parameters: Sequence[PaceDomainParameters] = (),
    ) -> None:
        self._offered = offered
        self._passwords = passwords
        self._entropy = entropy
        self._keys = keys
        self._parameters = parameters
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
        agreement = self._agreement_of(info)
        if agreement is None or info.suite is None:
            return status(SW_WRONG_DATA)
        static = self._static_key(info, agreement)
        if info.mapping == ECDH_CHIP_AUTHENTICATION and static is None:
            return status(SW_WRONG_DATA)
        self._run = _PaceRun(info, info.suite, agreement, password, static)
        return status(0x9000)

    def _is_named(self, info: PaceInfo, parts: dict[int, bytes]) -> bool:
        return 0x84 not in parts or int.from_bytes(parts[0x84], "big") == info.parameter_id

    def _agreement_of(self, info: PaceInfo) -> CurveAgreement | GroupAgreement | None:
        """The domain parameters that the issuer meant; what it spelled out itself the chip does not judge."""
        standard = None if info.parameter_id is None else agreement_by_id(info.parameter_id)
        if standard is not None:
            return standard
        for item in self._parameters:
            if item.mapping == info.mapping and item.parameter_id == info.parameter_id:
                return _own_agreement(item)
        return None

    def _static_key(self, info: PaceInfo, agreement: CurveAgreement | GroupAgreement) -> AgreementKey | None:
        """The static key over these parameters, where there are several the one with their number."""
        fitting = [key for key in self._keys if key.agreement == agreement]
        numbered = [key for key in fitting if key.key_id is not None and key.key_id == info.parameter_id]
        return next(iter(numbered or fitting), None)

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
        run.nonce = self._entropy(NONCE_BYTES[run.suite])
        key = password_key(run.suite, run.password)
        return _dynamic(0x80, encrypt(run.suite, key, bytes(run.suite.block_bytes), run.nonce))

    def _scalar(self, run: _PaceRun) -> int:
        return 1 + int.from_bytes(self._entropy(72), "big") % (run.agreement.order - 1)

    def _map(self, run: _PaceRun, sent: dict[int, bytes]) -> Answer:
        """The mapped base is H + s·G, here first H from the terminal's mapping key; or it comes from both nonces."""
        agreement: Any = run.agreement
        if run.info.mapping in {DH_INTEGRATED, ECDH_INTEGRATED}:
            run.base = map_integrated(run.agreement, run.suite, run.nonce, sent[0x81])
            return _dynamic(0x82, b"")
        private = run.mapping_private = self._scalar(run)
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
        objects = encode_tlv(0x86, self._token(run, keys.mac, run.their_public))
        if run.info.mapping == ECDH_CHIP_AUTHENTICATION:
            objects += encode_tlv(0x8A, self._authentication_data(run, keys.encryption))
        return Answer(ResponseApdu(encode_tlv(0x7C, objects), 0x9000), CardMessaging(keys))

    def _authentication_data(self, run: _PaceRun, key: bytes) -> bytes:
        """The mapping key divided by the static key, encrypted under the session's key."""
        order = run.agreement.order
        static = 0 if run.static is None else run.static.private
        quotient = run.mapping_private * pow(static, -1, order) % order
        plain = pad(quotient.to_bytes((order.bit_length() + 7) // 8, "big"), run.suite.block_bytes)
        vector = encrypt_block(run.suite, key, b"\xff" * run.suite.block_bytes)
        return encrypt(run.suite, key, vector, plain)

    def _token(self, run: _PaceRun, key: bytes, public: Any) -> bytes:
        tag = 0x86 if isinstance(run.agreement, CurveAgreement) else 0x84
        agreement: Any = run.agreement
        template = encode_tlv(0x7F49, encode_tlv(0x06, encode_oid(run.info.oid)) + encode_tlv(tag, agreement.encode(public)))
        return mac(run.suite, key, pad(template, 8) if run.suite is CipherSuite.DES3 else template)


def _own_agreement(item: PaceDomainParameters) -> CurveAgreement | GroupAgreement | None:
    if not isinstance(item.parameters, ExplicitParameters):
        return item.parameters
    spelled_out = item.parameters.parameters
    return CurveAgreement(spelled_out) if isinstance(spelled_out, Curve) else GroupAgreement(spelled_out)


def _dynamic(tag: int, value: bytes) -> Answer:
    return Answer(ResponseApdu(encode_tlv(0x7C, encode_tlv(tag, value)), 0x9000))


def passwords(information: MrzInformation, card_access_number: str) -> dict[int, bytes]:
    """The passwords of PACE by their reference."""
    known = {1: mrz_password(information)}
    return known | {2: card_access_number.encode("ascii")} if card_access_number else known


class ChipAuthentication:
    """Chip authentication with static keys on curves or in groups, one of which a command names where there are several."""

    def __init__(self, keys: Sequence[AgreementKey] | ec.EllipticCurvePrivateKey | None) -> None:
        one = (AgreementKey.of(keys),) if isinstance(keys, ec.EllipticCurvePrivateKey) else keys
        self._keys: Sequence[AgreementKey] = one or ()
        self._key: AgreementKey | None = None
        self._suite: CipherSuite | None = None

    def _meant(self, parts: dict[int, bytes]) -> AgreementKey | None:
        """The key that a command means: the one with the number in DO 84; without it, or for an unnumbered one, the first."""
        if 0x84 not in parts:
            return next(iter(self._keys), None)
        number = int.from_bytes(parts[0x84], "big")
        unnumbered = self._keys[0] if len(self._keys) == 1 and self._keys[0].key_id is None else None
        return next((key for key in self._keys if key.key_id == number), unnumbered)

    def set_up(self, command: CommandApdu) -> ResponseApdu:
        """MSE:Set AT for internal authentication (22 41 A4): remember the cipher and the key."""
        self._suite = self._key = None
        if not self._keys:
            return status(SW_REFERENCE_NOT_FOUND)
        try:
            parts = {item.tag: item.value for item in parse_tlvs(command.data, "setting up chip authentication")}
            self._suite = _SUITES.get(int(decode_oid(parts.get(0x80, b"")).rsplit(".", 1)[1]))
        except (MalformedData, IndexError):
            return status(SW_WRONG_DATA)
        self._key = self._meant(parts)
        if self._key is None:
            self._suite = None
            return status(SW_REFERENCE_NOT_FOUND)
        return status(0x9000 if self._suite else SW_WRONG_DATA)

    def forget(self) -> None:
        """Another protocol was set up: what was set up here is no longer pending."""
        self._suite = self._key = None

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
        return _refusal(SW_CONDITIONS) if suite is None else _agreed(self._key, suite, public, encode_tlv(0x7C, b""))

    def agree_by_key_only(self, command: CommandApdu) -> Answer:
        """MSE:Set KAT (22 41 A6), the form of 3DES."""
        try:
            parts = {item.tag: item.value for item in parse_tlvs(command.data, "chip authentication")}
        except MalformedData:
            return _refusal(SW_WRONG_DATA)
        return _agreed(self._meant(parts), CipherSuite.DES3, parts.get(0x91, b""), b"")


def _agreed(key: AgreementKey | None, suite: CipherSuite, public: bytes, data: bytes) -> Answer:
    if key is None:
        return _refusal(SW_NOT_FOUND)
    agreement: Any = key.agreement
    try:
        secret = agreement.secret(agreement.multiply(key.private, agreement.decode(public)))
    except MalformedData:
        return _refusal(SW_WRONG_DATA)
    return Answer(ResponseApdu(data, 0x9000), CardMessaging(session_keys(suite, secret)))
