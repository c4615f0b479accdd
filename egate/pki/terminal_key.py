"""The terminal's own key and certificates: loaded, matched with each other, and handed to the dialogue without the key.

Source: BSI TR-03110-3 §A.6, §C.1. Rule: the private key stays behind a function that signs; where a hardware module keeps it,
`credentials` takes that module's function. A chain whose last certificate is not for this key is refused when it is loaded, not
at the first traveller.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from egate.model.errors import TrustError
from egate.mrtd.terminal_auth import TerminalCredentials
from egate.pki.cvc import Role, parse_certificate
from egate.pki.cvc_keys import CvPublicKey, CvRsaKey, PrivateKey, Signer, public_key_of, signer

_DOING = "loading the terminal's key"


def load_private_key(pem: bytes, password: bytes | None = None) -> PrivateKey:
    """The private key of a PEM file; raises TrustError when it is none for terminal authentication or the password is wrong."""
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError(_DOING, "the file holds no key, or the password is wrong") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TrustError(_DOING, "a key of another kind than RSA or an elliptic curve")
    return key


def credentials_with_key(chain: Sequence[bytes], private: PrivateKey) -> TerminalCredentials:
    """Credentials that sign with a key in memory; raises MalformedData, or TrustError when the chain is not for this key.

    `chain` holds whole certificates in their order: links, document verifier, terminal last.
    """
    terminal = _terminal_key(chain)
    own = public_key_of(private, terminal.oid)
    if not _same_key(own, terminal):
        raise TrustError(_DOING, "the last certificate is for another key")
    return TerminalCredentials(tuple(chain), signer(private, terminal.oid))


def credentials(chain: Sequence[bytes], sign: Signer) -> TerminalCredentials:
    """Credentials whose key lies in a hardware module that `sign` asks; raises MalformedData or TrustError.

    `sign` gets the message and returns a signature in the form of the certificate's algorithm: r ‖ s for a curve.
    """
    _terminal_key(chain)
    return TerminalCredentials(tuple(chain), sign)


def _terminal_key(chain: Sequence[bytes]) -> CvPublicKey:
    certificates = [parse_certificate(one) for one in chain]
    if not certificates or certificates[-1].role is not Role.TERMINAL:
        raise TrustError(_DOING, "the chain does not end with a terminal's certificate")
    return certificates[-1].key


def _same_key(own: CvPublicKey, certified: CvPublicKey) -> bool:
    """The curve is inherited and stands elsewhere; the same point on two curves is out of the question."""
    if isinstance(own, CvRsaKey) or isinstance(certified, CvRsaKey):
        return own == certified
    return own.encoded_point == certified.encoded_point
