"""What a profile makes of signatures that hold and are weak all the same.

Rule: the verifier verifies, the policy decides. A document of 2006 is signed with SHA-1 and cannot be signed again; whether that
is good enough is the agency's choice, and what is only noted stands in the record. Sources: Doc 9303-12 §4.4, BSI TR-03116.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from egate.checks.catalogue import finding
from egate.checks.electronic import ChipFacts
from egate.model.checks import Acceptance, Check, CheckName, CheckResult, Profile, Weakness
from egate.pki.keys import HASHES, EllipticKey, PublicKey, RsaKey
from egate.pki.passive_auth import SignatureMade

SOUND_RSA_BITS, SOUND_CURVE_BITS, SOUND_RSA_EXPONENT = 2048, 224, 65537
"""What is smaller is named; the first two are the smallest that Doc 9303-12 §4.4.1 recommends."""

_WEAK_HASHES: Mapping[str, Weakness] = {"sha1": Weakness.SHA1, "sha224": Weakness.SHA224}
_JUDGED = {
    CheckName.SECURITY_OBJECT_SIGNATURE: "security object",
    CheckName.CERTIFICATE_CHAIN: "document signer",
}
"""The checks that rest on a signature, and what that signature is over."""


def weaknesses_of(made: SignatureMade) -> tuple[Weakness, ...]:
    """Everything that is weak about one signature, in the order of the model."""
    algorithm = HASHES.get(made.scheme.hash_oid) if made.scheme else None
    weak_hash = _WEAK_HASHES.get(algorithm.name) if algorithm else None
    found = {*_weaknesses_of_key(made.key), *((weak_hash,) if weak_hash else ())}
    return tuple(weakness for weakness in Weakness if weakness in found)


def _weaknesses_of_key(key: PublicKey) -> set[Weakness]:
    match key:
        case RsaKey():
            named = {
                Weakness.RSA_BELOW_2048: key.modulus.bit_length() < SOUND_RSA_BITS,
                Weakness.SMALL_RSA_EXPONENT: key.exponent < SOUND_RSA_EXPONENT,
            }
        case EllipticKey():
            named = {Weakness.CURVE_BELOW_224: key.curve.n.bit_length() < SOUND_CURVE_BITS}
        case _:
            named = {}
    return {weakness for weakness, there in named.items() if there}


def judge_algorithms(checks: Iterable[Check], facts: ChipFacts, profile: Profile) -> tuple[Check, ...]:
    """The checks with the profile's policy: a success over a refused weakness fails, one over a noted weakness names it.

    The hash of the data groups is judged with the security object's signature: it is part of what that signature covers.
    """
    made = facts.security_object.signatures if facts.security_object else ()
    hash_name = facts.security_object.hash_algorithm if facts.security_object else ""
    return tuple(_judge(check, made, _WEAK_HASHES.get(hash_name), profile) for check in checks)


def _judge(check: Check, made: tuple[SignatureMade, ...], weak_hash: Weakness | None, profile: Profile) -> Check:
    if check.name not in _JUDGED or check.result is not CheckResult.SUCCESSFUL:
        return check
    found = {weakness for entry in made if entry.over == _JUDGED[check.name] for weakness in weaknesses_of(entry)}
    if check.name is CheckName.SECURITY_OBJECT_SIGNATURE and weak_hash is not None:
        found.add(weak_hash)
    refused, noted = (_named(found, profile, choice) for choice in (Acceptance.REFUSE, Acceptance.NOTE))
    if refused:
        return finding(check.name, "algorithm_refused", ", ".join(refused))
    return replace(check, detail=", ".join(noted)) if noted else check


def _named(found: set[Weakness], profile: Profile, choice: Acceptance) -> list[str]:
    chosen = profile.algorithm_policy
    return [entry.value for entry in Weakness if entry in found and chosen.get(entry, Acceptance.NOTE) is choice]
