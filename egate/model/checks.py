"""Checks, their five possible results, and how the results of several are taken together.

Source: BSI TR-03135-1 §3.6.2 (results), §3.7 (groups), §3.8 (run modes and aggregation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum


class CheckResult(IntEnum):
    """The five words. The order is the order of aggregation: the largest of several results is their result."""

    NOT_SUPPORTED = 0
    SUCCESSFUL = 1
    UNDETERMINED = 2
    ABORTED = 3
    FAILED = 4

    @property
    def word(self) -> str:
        """The result as the guideline writes it, e.g. `not supported`."""
        return self.name.lower().replace("_", " ")


class CheckGroup(Enum):
    """What a check looks at."""

    OPTICAL = "optical"
    ELECTRONIC = "electronic"
    COMBINED = "combined"
    BIOMETRIC = "biometric"
    BACKGROUND = "background"


class CheckName(Enum):
    """Every check that a lane can make; the value is its name in profiles, logs and reports."""

    MRZ_CHECK_DIGITS = "mrz_check_digits"
    DOCUMENT_EXPIRY = "document_expiry"
    CHIP_ACCESS = "chip_access"
    SECURITY_OBJECT_SIGNATURE = "security_object_signature"
    CERTIFICATE_CHAIN = "certificate_chain"
    CERTIFICATE_REVOCATION = "certificate_revocation"
    DATA_GROUP_HASHES = "data_group_hashes"
    FILE_LIST_CONSISTENT = "file_list_consistent"
    CHIP_GENUINE = "chip_genuine"
    TERMINAL_AUTHENTICATION = "terminal_authentication"
    MRZ_MATCHES_CHIP = "mrz_matches_chip"
    ISSUER_MATCHES_CERTIFICATE = "issuer_matches_certificate"
    SINGLE_PERSON = "single_person"
    FACE_CAPTURE = "face_capture"
    FACE_MATCH = "face_match"
    PRESENTATION_ATTACK = "presentation_attack"
    DOCUMENT_WATCHLIST = "document_watchlist"
    PERSON_WATCHLIST = "person_watchlist"
    ELIGIBILITY = "eligibility"
    MULTIPLE_USE = "multiple_use"
    LANE_HEALTH = "lane_health"


class RunMode(Enum):
    """What the result of a check means for the decision (TR-03135-1 §3.8)."""

    MANDATORY = "mandatory"
    CONDITIONALLY_IGNORED = "conditionally_ignored"
    OPTIONAL = "optional"
    EVALUATORY = "evaluatory"


class Weakness(Enum):
    """What may be weak about a signature, although it holds; the value is its name in profiles."""

    SHA1 = "sha1"
    SHA224 = "sha224"
    RSA_BELOW_2048 = "rsa_below_2048"
    SMALL_RSA_EXPONENT = "small_rsa_exponent"
    CURVE_BELOW_224 = "curve_below_224"


class Acceptance(Enum):
    """What a profile makes of a weakness: nothing, a note in the record, or a failed check."""

    ACCEPT = "accept"
    NOTE = "note"
    REFUSE = "refuse"


class DecisionPoint(Enum):
    """Where a decision is taken: before the entry door opens, or before the exit door opens."""

    ENTRY = "entry"
    EXIT = "exit"


class Outcome(Enum):
    """A lane admits or refers to an officer; it never refuses anybody."""

    ADMIT = "ADMIT"
    REFER = "REFER"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `code` is a stable word of the catalogue saying why (empty when successful); no personal data.

    `known_deviation` names the published deviation that explains a failure (Doc 9303-12 §10). It never changes the result.
    """

    name: CheckName
    result: CheckResult
    code: str = ""
    detail: str = ""
    known_deviation: str = ""


@dataclass(frozen=True, slots=True)
class CheckRule:
    """How a profile uses one check: its run mode and the door at which it first counts."""

    mode: RunMode
    at: DecisionPoint = DecisionPoint.ENTRY


@dataclass(frozen=True, slots=True)
class Profile:
    """The agency's policy for a lane.

    `fmr_ppm` is the largest accepted false match rate in parts per million (1000 = 0.1 %, TR-03121 BCL);
    `pace_before_bac` the order of access protocols; `minimum_age_years` an eligibility rule (P19);
    `document_codes` which kinds of documents may use a gate (P19): exact codes, or a letter and `*` for all that begin with it;
    none means any. `multiple_use_window_s` how long the same document counts as presented twice (P20), 0 for never;
    `attack_challenge` what the kiosk's screen asks of a face while the camera looks: `none`, `light` or `look`;
    `revocation_grace_days` how long a revocation list counts as current after its next one was due;
    `algorithm_policy` what is made of weak signatures, a note for each weakness that it does not name. `pace_mappings` (the
    preferred first), `minimum_cipher`, `allow_bac`, `bac_after_refusal`, `bac_after_broken` and
    `own_parameters` are the policy of access.
    """

    name: str
    rules: Mapping[CheckName, CheckRule]
    fmr_ppm: int = 1000
    face_engine: str = "sface"
    second_opinion: str = ""
    attack_challenge: str = "none"
    pace_before_bac: bool = True
    minimum_age_years: int = 12
    document_codes: tuple[str, ...] = ()
    multiple_use_window_s: float = 0.0
    revocation_grace_days: int = 0
    algorithm_policy: Mapping[Weakness, Acceptance] = field(default_factory=dict)
    pace_mappings: tuple[str, ...] = ("cam", "gm", "im")
    minimum_cipher: str = "3des"
    allow_bac: bool = True
    bac_after_refusal: bool = True
    bac_after_broken: bool = False
    own_parameters: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """What the lane does with a traveller at one door, and the checks that made it so (empty for ADMIT)."""

    outcome: Outcome
    point: DecisionPoint
    because: tuple[Check, ...] = field(default=())
