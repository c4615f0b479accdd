"""Which way of PACE to run: the policy's choice among what a chip offers, with the domain parameters that go with it.

Sources: ICAO Doc 9303-11 §4.4.2, §9.2.5, §9.5.1 (offers and standardised parameters), BSI TR-03110-3 §A.1.1.1, §A.2.1
(parameters that a chip spells out). Rule: a standardised number always means the standardised set, whatever the chip says about
it; a set that is spelled out is judged before it may be used; an offer that cannot be run is passed over, never run otherwise
than offered.
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.model.errors import MalformedData
from egate.mrtd.access_policy import DEFAULT_POLICY, AccessPolicy
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.ec import Curve
from egate.mrtd.crypto.mapping import maps_integrated
from egate.mrtd.crypto.soundness import ExplicitParameters, Parameters, sound_agreement
from egate.mrtd.files.security_infos import (
    DH_GENERIC,
    DH_INTEGRATED,
    ECDH_CHIP_AUTHENTICATION,
    ECDH_GENERIC,
    ECDH_INTEGRATED,
    PaceDomainParameters,
    PaceInfo,
    SecurityInfos,
)

MAX_JUDGED = 2
"""Spelled-out sets that are refused for one document before no more are looked at; judging a large group takes long."""
UNNAMED_CURVE = 13
"""What a PACEInfo without a number means that comes without parameters: brainpoolP256r1.

The standard asks for the number or the parameters. The Spanish passports of ZeroPass/dmrtd #43 give neither; no open reader
has an answer (dmrtd stops, gmrtd stops, and their callers turn to BAC). This curve is the one of ICAO's worked examples and of
nearly all issued chips. A chip that means another one refuses our first key, which costs one command.
"""

_KINDS = {
    DH_GENERIC: ("dh", "gm"),
    ECDH_GENERIC: ("ecdh", "gm"),
    DH_INTEGRATED: ("dh", "im"),
    ECDH_INTEGRATED: ("ecdh", "im"),
    ECDH_CHIP_AUTHENTICATION: ("ecdh", "cam"),
}
_STRENGTH = {suite: place for place, suite in enumerate(CipherSuite)}
_VERSION = 2


@dataclass(frozen=True, slots=True)
class PaceWay:
    """A way of PACE that can be run: what the chip offers, and the agreement that it is run in."""

    info: PaceInfo
    suite: CipherSuite
    agreement: CurveAgreement | GroupAgreement

    @property
    def mapping(self) -> str:
        """`gm`, `im` or `cam`."""
        return _KINDS[self.info.mapping][1]

    @property
    def variant(self) -> str:
        """The way in words, e.g. `ecdh-gm-aes-128-brainpoolP256r1`."""
        return f"{'-'.join(_KINDS[self.info.mapping])}-{self.suite.word}-{self.agreement.name}"


@dataclass(frozen=True, slots=True)
class PaceChoice:
    """The way that was chosen, None when there is none, and why spelled-out parameters ahead of it were refused."""

    way: PaceWay | None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    info: PaceInfo
    suite: CipherSuite
    parameters: Parameters

    def rank(self, policy: AccessPolicy) -> tuple[bool, int, bool, int, int]:
        """Standard parameters first, then the policy's mappings, curves before groups, the cipher, the size of the parameters.

        EF.CardAccess is signed by nobody: otherwise whoever stands on the wire adds an offer with a trapdoor of his own, larger
        than the genuine ones, and leaves those in their place, where the comparison with DG14 finds nothing missing.
        """
        kind, mapping = _KINDS[self.info.mapping]
        standard = not isinstance(self.parameters, ExplicitParameters)
        return (standard, -policy.mappings.index(mapping), kind == "ecdh", _STRENGTH[self.suite], _bits(self.parameters))


def choose_pace(infos: tuple[PaceInfo, ...], policy: AccessPolicy = DEFAULT_POLICY) -> PaceInfo | None:
    """The best offer that this reader speaks and the policy wants, of those with standardised parameters; None for none."""
    way = choose_way(SecurityInfos(infos), policy).way
    return None if way is None else way.info


def choose_way(infos: SecurityInfos, policy: AccessPolicy = DEFAULT_POLICY) -> PaceChoice:
    """The best way that this reader speaks and the policy wants, its parameters judged."""
    candidates = [found for info in infos.pace if (found := _candidate(info, infos.pace_parameters, policy)) is not None]
    refused: list[str] = []
    for candidate in sorted(candidates, key=lambda item: item.rank(policy), reverse=True):
        if isinstance(candidate.parameters, ExplicitParameters) and len(refused) == MAX_JUDGED:
            continue
        try:
            agreement = sound_agreement(candidate.parameters)
        except MalformedData as error:
            refused.append(error.problem)
            continue
        return PaceChoice(PaceWay(candidate.info, candidate.suite, agreement), tuple(refused))
    return PaceChoice(None, tuple(refused))


def _candidate(info: PaceInfo, offered: tuple[PaceDomainParameters, ...], policy: AccessPolicy) -> _Candidate | None:
    """What an offer comes to; None when we do not speak it or the policy does not want it."""
    kind, mapping = _KINDS.get(info.mapping, ("", ""))
    suite = info.suite
    if info.version != _VERSION or suite is None or mapping not in policy.mappings:
        return None
    if _STRENGTH[suite] < _STRENGTH[policy.minimum_cipher] or (mapping == "cam" and suite is CipherSuite.DES3):
        return None
    parameters = _parameters_of(info, offered)
    if isinstance(parameters, ExplicitParameters) and not policy.own_parameters:
        return None
    if parameters is None or _is_curve(parameters) != (kind == "ecdh"):
        return None
    if mapping == "im" and not isinstance(parameters, ExplicitParameters) and not maps_integrated(parameters):
        return None
    return _Candidate(info, suite, parameters)


def _parameters_of(info: PaceInfo, offered: tuple[PaceDomainParameters, ...]) -> Parameters | None:
    """The parameters that an offer means: the standardised ones of its number, or those that the chip spells out."""
    standard = None if info.parameter_id is None else agreement_by_id(info.parameter_id)
    if standard is not None:
        return standard
    fitting = [item for item in offered if item.mapping == info.mapping] or list(offered)
    if info.parameter_id is not None:
        fitting = [item for item in fitting if item.parameter_id == info.parameter_id]
    if fitting:
        return fitting[0].parameters if len(fitting) == 1 else None
    curves = _KINDS[info.mapping][0] == "ecdh"
    return agreement_by_id(UNNAMED_CURVE) if info.parameter_id is None and curves else None


def _is_curve(parameters: Parameters) -> bool:
    inner = parameters.parameters if isinstance(parameters, ExplicitParameters) else parameters
    return isinstance(inner, (Curve, CurveAgreement))


def _bits(parameters: Parameters) -> int:
    if isinstance(parameters, ExplicitParameters):
        return parameters.parameters.p.bit_length()
    return (parameters.curve if isinstance(parameters, CurveAgreement) else parameters.group).p.bit_length()
