"""The proof of PACE with chip authentication mapping: the chip holds a private key whose public half its issuer signed.

Source: ICAO Doc 9303-11 §4.4.3.3.3, §4.4.3.5. The chip chose its mapping key PK_Map and, at the end, showed CA = SK_Map / SK_IC
under the session's key; so PK_Map = CA · PK_IC. Rule: pure, for the reading and for whoever judges it again. The proof is worth
as much as the signature over EF.CardSecurity, and as the session: anybody can make up a pair (CA, CA · PK_IC), but only who
knows SK_Map can finish PACE with it.
"""

from __future__ import annotations

from egate.model.document import ChipProof
from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement
from egate.mrtd.crypto.soundness import ExplicitParameters, sound_agreement
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.security_infos import ChipAuthenticationKey, SecurityInfos

PROTOCOL = "chip_authentication_mapping"
"""The name of the protocol among outcomes and proofs."""
MAPPING_KEY, CHIP_AUTHENTICATION_DATA = "mapping_key", "chip_authentication_data"
"""The values of the proof."""
MAX_KEYS = 8
"""Static keys that are tried; a chip has one or two, and each that spells out its own curve costs time to judge."""
MAX_PROOF_BYTES = 256
"""More than a point or a scalar of any curve has."""


def mapping_proof(mapping_key: bytes, chip_authentication_data: bytes) -> ChipProof:
    """What the chip proved itself with."""
    return ChipProof(PROTOCOL, {MAPPING_KEY: mapping_key, CHIP_AUTHENTICATION_DATA: chip_authentication_data})


def verify_mapping_proof(
    card_security: bytes | SecurityInfos,
    proof: ChipProof,
    agreement: CurveAgreement | None = None,
    parameter_id: int | None = None,
) -> bool:
    """Whether the proof fits a static key of EF.CardSecurity (whole file, or parsed); its signature is judged elsewhere.

    `agreement` is the one that PACE was run in (None: whichever the static key lies on) and `parameter_id` its number, which is
    also the number of the key where there are several (TR-03110-3 §A.1.1.2). False for anything malformed.
    """
    key, data = proof.values.get(MAPPING_KEY, b""), proof.values.get(CHIP_AUTHENTICATION_DATA, b"")
    if proof.protocol != PROTOCOL or not key or not data or max(len(key), len(data)) > MAX_PROOF_BYTES:
        return False
    try:
        infos = card_security if isinstance(card_security, SecurityInfos) else parse_card_security(card_security)
    except MalformedData:
        return False
    meant = _meant(infos.chip_authentication_keys, parameter_id)[:MAX_KEYS]
    return any(_fits(static, agreement, key, data) for static in meant)


def _meant(keys: tuple[ChipAuthenticationKey, ...], number: int | None) -> tuple[ChipAuthenticationKey, ...]:
    """The key with the number of the parameters, where there is one; otherwise every key may be meant."""
    return tuple(key for key in keys if number is not None and key.key_id == number) or keys


def _fits(static: ChipAuthenticationKey, agreement: CurveAgreement | None, mapping_key: bytes, data: bytes) -> bool:
    if static.public is None:
        return False
    stated = static.public.parameters
    if agreement is not None and stated not in (agreement, ExplicitParameters(agreement.curve)):
        return False
    try:
        own = agreement or sound_agreement(stated)
        if not isinstance(own, CurveAgreement):
            return False
        product = own.multiply(int.from_bytes(data, "big"), own.decode(static.public.encoded))
        return own.decode(mapping_key) == product
    except MalformedData:
        return False
