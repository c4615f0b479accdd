"""Basic access control: access by the machine readable zone, the older of the two protocols.

Source: ICAO Doc 9303-11 §4.3, §D.3. Rule: a dialogue that yields commands and receives responses; a chip that refuses or answers
wrongly makes it raise ChipError, with the status word where there was one.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator

from egate.model.document import MrzInformation
from egate.model.errors import ChipError
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import Entropy
from egate.mrtd.crypto.ciphers import MAC_BYTES, CipherSuite, decrypt, encrypt, mac, pad
from egate.mrtd.keys import basic_access_keys, session_keys
from egate.mrtd.secure_messaging import SecureMessaging

_DOING = "basic access control"
_CHALLENGE_BYTES = 8
_KEY_BYTES = 16
_ANSWER_BYTES = 2 * _CHALLENGE_BYTES + _KEY_BYTES + MAC_BYTES

GET_CHALLENGE = CommandApdu(0x00, 0x84, 0x00, 0x00, le=_CHALLENGE_BYTES)


def basic_access(information: MrzInformation, entropy: Entropy) -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
    """Run the protocol and return the session.

    1. Ask for the chip's challenge. 2. Answer with ours and half of the secret, under the document keys.
    3. Verify that the chip knows the keys, both challenges included. 4. Derive the session.
    """
    suite = CipherSuite.DES3
    keys = basic_access_keys(information)
    challenge = yield GET_CHALLENGE  # 1
    if not challenge.ok or len(challenge.data) != _CHALLENGE_BYTES:
        raise ChipError(_DOING, "no challenge", challenge.sw)
    ours, half = entropy(_CHALLENGE_BYTES), entropy(_KEY_BYTES)  # 2
    text = encrypt(suite, keys.encryption, bytes(8), ours + challenge.data + half)
    answer = yield CommandApdu(0x00, 0x82, 0x00, 0x00, text + mac(suite, keys.mac, pad(text, 8)), _ANSWER_BYTES)
    if not answer.ok:
        raise ChipError(_DOING, "the chip refused the keys", answer.sw)
    if len(answer.data) != _ANSWER_BYTES:  # 3
        raise ChipError(_DOING, "the answer has a wrong length", answer.sw)
    text, code = answer.data[:-MAC_BYTES], answer.data[-MAC_BYTES:]
    if not hmac.compare_digest(mac(suite, keys.mac, pad(text, 8)), code):
        raise ChipError(_DOING, "the answer has a wrong authentication code", answer.sw)
    plain = decrypt(suite, keys.encryption, bytes(8), text)
    if not hmac.compare_digest(plain[:16], challenge.data + ours):
        raise ChipError(_DOING, "the answer belongs to other challenges", answer.sw)
    seed = bytes(left ^ right for left, right in zip(half, plain[16:], strict=True))  # 4
    return SecureMessaging(session_keys(suite, seed), int.from_bytes(challenge.data[4:] + ours[4:], "big"))
