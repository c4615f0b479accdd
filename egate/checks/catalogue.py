"""Every check of the lane: its group, what it means, and each way in which it can end other than successful.

Rule: findings are made here only (`finding`), so a result, its code, its number and its text never drift apart; and no text
says anything of a person. Numbers are the error numbers of TR-03135-1 §5.3 (1 000–999 999); once given, a number is never
used for anything else. `docs/checks.md` shows this table, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from egate.model.checks import Check, CheckGroup, CheckName, CheckResult

_FAILED, _ABORTED = CheckResult.FAILED, CheckResult.ABORTED
_UNDETERMINED, _NOT_SUPPORTED = CheckResult.UNDETERMINED, CheckResult.NOT_SUPPORTED

NOT_PERFORMED = "not_performed"
"""The code that every check has: it is due and nothing was found out."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way for a check to end: its code, result, error number and a sentence for the officer."""

    code: str
    result: CheckResult
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A check: its name, group, what success means, and its other endings."""

    name: CheckName
    group: CheckGroup
    meaning: str
    endings: tuple[Ending, ...]


def _entry(
    name: CheckName, group: CheckGroup, first: int, meaning: str, *endings: tuple[str, CheckResult, str]
) -> CatalogueEntry:
    """An entry whose numbers are `first` (not performed), `first` + 1, … in the order written; new endings go to the end."""
    missing = (NOT_PERFORMED, _UNDETERMINED, "The check is due and was not performed.")
    numbered = (Ending(code, result, first + n, text) for n, (code, result, text) in enumerate((missing, *endings)))
    return CatalogueEntry(name, group, meaning, tuple(numbered))


_ENTRIES = (
    _entry(
        CheckName.MRZ_CHECK_DIGITS,
        CheckGroup.OPTICAL,
        1000,
        "Every check digit of the printed machine readable zone adds up.",
        ("mrz_not_read", _UNDETERMINED, "The machine readable zone could not be read."),
        ("mrz_check_digit_wrong", _FAILED, "A check digit of the machine readable zone does not add up."),
    ),
    _entry(
        CheckName.DOCUMENT_EXPIRY,
        CheckGroup.OPTICAL,
        1100,
        "The document is in date, as printed and on the chip.",
        ("mrz_not_read", _UNDETERMINED, "The machine readable zone could not be read."),
        ("document_expired", _FAILED, "The document has expired."),
        ("expiry_unreadable", _UNDETERMINED, "The date of expiry is no date."),
    ),
    _entry(
        CheckName.CHIP_ACCESS,
        CheckGroup.ELECTRONIC,
        2000,
        "The chip opened with the keys from the printed data, and the session held to its end.",
        ("chip_not_read", _UNDETERMINED, "No chip was read."),
        ("access_keys_refused", _FAILED, "The chip refused the keys derived from the printed data."),
        ("chip_session_broken", _ABORTED, "The session with the chip broke off."),
        ("no_access_control", _NOT_SUPPORTED, "The chip gives its data without access control."),
        ("access_not_tried", _UNDETERMINED, "No access protocol was run."),
        ("no_passport_application", _UNDETERMINED, "The chip has no travel document application that could be selected."),
        ("pace_withheld", _FAILED, "The chip hides PACE, which its issuer signed: somebody wants the weaker protocol."),
        ("pace_infos_differ", _FAILED, "What the chip offers for access is less than what its issuer signed."),
        ("pace_refused", _UNDETERMINED, "A way of access that the issuer signed was refused, and a weaker one opened the chip."),
    ),
    _entry(
        CheckName.SECURITY_OBJECT_SIGNATURE,
        CheckGroup.ELECTRONIC,
        2100,
        "The signature over the hashes of the chip's data holds.",
        ("security_object_missing", _UNDETERMINED, "The security object was not read."),
        ("security_object_malformed", _FAILED, "The security object does not have its prescribed form."),
        ("signature_wrong", _FAILED, "The signature of the security object does not hold."),
        ("signer_certificate_missing", _UNDETERMINED, "The document signer's certificate is not available."),
        ("algorithm_refused", _FAILED, "The signature was made in a way that the profile refuses."),
    ),
    _entry(
        CheckName.CERTIFICATE_CHAIN,
        CheckGroup.ELECTRONIC,
        2200,
        "The document signer is certified by a State that is trusted, and valid today.",
        ("security_object_missing", _UNDETERMINED, "The security object was not read."),
        ("chain_not_checked", _UNDETERMINED, "There is no document signer whose chain could be checked."),
        ("issuer_unknown", _FAILED, "No trusted country signing key certified the document signer."),
        ("signer_not_valid", _FAILED, "The document signer's certificate is not valid today."),
        ("issuer_not_valid", _FAILED, "The country signing certificate is not valid today."),
        ("signer_wrong_usage", _FAILED, "The certificate is not one for signing documents."),
        ("signer_revoked", _FAILED, "The document signer was revoked by its State."),
        ("issuer_revoked", _FAILED, "The country signing certificate was revoked by its State."),
        ("issuer_wrong_usage", _FAILED, "The country signing certificate is not one for signing certificates."),
        ("signed_outside_key_period", _FAILED, "The document was issued when its signer's key was not in use."),
        ("algorithm_refused", _FAILED, "The signature was made in a way that the profile refuses."),
        ("key_deviation_published", _UNDETERMINED, "The issuer published that something is wrong with its certificate or key."),
        ("signer_doubted", _UNDETERMINED, "A defect list casts doubt on the document signer."),
    ),
    _entry(
        CheckName.CERTIFICATE_REVOCATION,
        CheckGroup.ELECTRONIC,
        2500,
        "A current revocation list of the State names neither the document signer nor the country signing certificate.",
        ("chain_not_checked", _UNDETERMINED, "There is no document signer whose chain could be checked."),
        ("revocation_list_missing", _UNDETERMINED, "No revocation list of the State is at hand."),
        ("revocation_list_stale", _UNDETERMINED, "The revocation list of the State is out of date."),
        ("signer_revoked", _FAILED, "The document signer was revoked by its State."),
        ("issuer_revoked", _FAILED, "The country signing certificate was revoked by its State."),
        ("signer_doubted", _UNDETERMINED, "A defect list casts doubt on the document signer."),
    ),
    _entry(
        CheckName.DATA_GROUP_HASHES,
        CheckGroup.ELECTRONIC,
        2300,
        "Every data group read is the one whose hash was signed; DG1 and DG2 are among them.",
        ("security_object_missing", _UNDETERMINED, "The security object was not read."),
        ("hashes_unreadable", _UNDETERMINED, "The signed hashes could not be read."),
        ("data_group_missing", _UNDETERMINED, "A data group that must be there was not read."),
        ("data_group_hash_wrong", _FAILED, "A data group is not what the issuer signed."),
        ("data_group_not_signed", _FAILED, "A data group on the chip was never signed."),
        ("hash_algorithm_unknown", _UNDETERMINED, "The hash function of the security object is not accepted."),
    ),
    _entry(
        CheckName.FILE_LIST_CONSISTENT,
        CheckGroup.ELECTRONIC,
        2600,
        "The chip's own list of its data groups names those that were signed.",
        ("file_list_missing", _UNDETERMINED, "The chip's list of its data groups, or the signed one, was not read."),
        ("file_list_malformed", _FAILED, "The chip's list of its data groups does not have its prescribed form."),
        ("file_list_differs", _FAILED, "The chip's list of its data groups differs from the signed one, which counts."),
    ),
    _entry(
        CheckName.CHIP_GENUINE,
        CheckGroup.ELECTRONIC,
        2400,
        "The chip proved that it holds the private key to a public key that its issuer signed.",
        ("chip_not_read", _UNDETERMINED, "No chip was read."),
        ("chip_authentication_failed", _FAILED, "Chip authentication is announced and failed: the chip may be a copy."),
        (
            "active_authentication_failed",
            _FAILED,
            "Active authentication is announced and failed: the chip may be a copy.",
        ),
        ("chip_key_not_authentic", _UNDETERMINED, "The chip's public key is not covered by a signature that holds."),
        ("chip_key_withheld", _UNDETERMINED, "The issuer signed a key for the chip, and the chip did not hand it over."),
        ("chip_proof_not_run", _UNDETERMINED, "The chip offers a proof, and it was not run."),
        ("no_chip_proof", _NOT_SUPPORTED, "The chip offers neither chip authentication nor active authentication."),
        ("mapping_proof_failed", _FAILED, "The chip opened with a proof of its key, and the proof fails: it may be a copy."),
        ("chip_key_compromised", _UNDETERMINED, "The issuer published that the chip's key may be known: it proves nothing."),
    ),
    _entry(
        CheckName.TERMINAL_AUTHENTICATION,
        CheckGroup.ELECTRONIC,
        2700,
        "The chip accepted this terminal's certificates and opened the data that need them.",
        ("chip_not_read", _UNDETERMINED, "No chip was read."),
        ("no_terminal_authentication", _NOT_SUPPORTED, "The chip does not ask for it, or no terminal certificates are at hand."),
        ("terminal_refused", _FAILED, "The chip refused this terminal's certificates."),
        ("chip_session_broken", _ABORTED, "The session with the chip broke off."),
    ),
    _entry(
        CheckName.MRZ_MATCHES_CHIP,
        CheckGroup.COMBINED,
        3000,
        "The printed machine readable zone and the one on the chip are the same.",
        ("mrz_not_read", _UNDETERMINED, "The machine readable zone could not be read."),
        ("chip_mrz_missing", _UNDETERMINED, "The machine readable zone on the chip was not read."),
        ("chip_mrz_malformed", _FAILED, "The machine readable zone on the chip does not have its prescribed form."),
        ("mrz_differs_from_chip", _FAILED, "The printed machine readable zone and the one on the chip differ."),
    ),
    _entry(
        CheckName.ISSUER_MATCHES_CERTIFICATE,
        CheckGroup.COMBINED,
        3100,
        "The issuing State on the chip is the State whose certificate signed, and the signer may sign this type of document.",
        ("chip_mrz_missing", _UNDETERMINED, "The machine readable zone on the chip was not read."),
        ("no_certificate_country", _UNDETERMINED, "There is no trusted certificate to compare the issuing State with."),
        ("issuing_state_unknown", _UNDETERMINED, "The issuing State's code is none that is known."),
        ("issuer_differs_from_certificate", _FAILED, "The issuing State and the State of the certificate differ."),
        ("document_type_not_covered", _FAILED, "The document signer may not sign this type of document."),
    ),
    _entry(
        CheckName.SINGLE_PERSON,
        CheckGroup.BIOMETRIC,
        4000,
        "Exactly one person is in the gate.",
        ("more_than_one_person", _FAILED, "More than one person is in the gate."),
        ("several_faces", _FAILED, "The camera saw more than one face."),
        ("nobody", _FAILED, "Nobody is in the gate."),
        ("person_count_unknown", _UNDETERMINED, "The person counter gave no count."),
    ),
    _entry(
        CheckName.FACE_CAPTURE,
        CheckGroup.BIOMETRIC,
        4100,
        "A live image of one face was captured that is good enough to compare.",
        ("face_not_captured", _UNDETERMINED, "No capture was made."),
        ("no_usable_face", _FAILED, "No live image was good enough to compare."),
        ("several_faces", _FAILED, "The camera saw more than one face."),
        ("capture_aborted", _ABORTED, "The capture broke off."),
    ),
    _entry(
        CheckName.FACE_MATCH,
        CheckGroup.BIOMETRIC,
        4200,
        "The live face is the face of the portrait on the chip, at the false match rate of the profile.",
        ("face_not_captured", _UNDETERMINED, "There is no live image to compare."),
        ("comparison_aborted", _ABORTED, "The comparison broke off, or the portrait could not be decoded."),
        ("face_differs", _FAILED, "The live face and the portrait do not match."),
        ("threshold_too_lax", _UNDETERMINED, "The threshold used does not hold for the profile's false match rate."),
    ),
    _entry(
        CheckName.PRESENTATION_ATTACK,
        CheckGroup.BIOMETRIC,
        4300,
        "The live face is a person's own face, not a picture, screen or mask.",
        ("no_attack_detector", _NOT_SUPPORTED, "This lane has no detector of presentation attacks."),
        ("face_not_captured", _UNDETERMINED, "There is no live image to look at."),
        ("attack_suspected", _FAILED, "The face looks like a picture, a screen or a mask: look at the traveller."),
        ("attack_not_judged", _UNDETERMINED, "Too little was seen to tell a person from a picture."),
    ),
    _entry(
        CheckName.DOCUMENT_WATCHLIST,
        CheckGroup.BACKGROUND,
        5000,
        "The document is on no current list.",
        ("document_listed", _FAILED, "The document is on a list: compare the entry."),
        ("lists_not_current", _UNDETERMINED, "The lists of this lane are missing or out of date."),
    ),
    _entry(
        CheckName.PERSON_WATCHLIST,
        CheckGroup.BACKGROUND,
        5100,
        "The person is on no current list.",
        ("person_listed", _FAILED, "A list has an entry that may be this person: compare the entry."),
        ("lists_not_current", _UNDETERMINED, "The lists of this lane are missing or out of date."),
    ),
    _entry(
        CheckName.ELIGIBILITY,
        CheckGroup.BACKGROUND,
        5200,
        "The traveller may use a gate: old enough, with a kind of document that the profile takes.",
        ("mrz_not_read", _UNDETERMINED, "The machine readable zone could not be read."),
        ("below_minimum_age", _FAILED, "The traveller is younger than the gate accepts."),
        ("birth_date_unreadable", _UNDETERMINED, "The date of birth does not tell whether the traveller is old enough."),
        ("selected_at_random", _FAILED, "The passage was selected at random for an officer."),
        ("document_kind_not_taken", _FAILED, "The gate does not take documents of this kind."),
    ),
    _entry(
        CheckName.MULTIPLE_USE,
        CheckGroup.BACKGROUND,
        5300,
        "The document was not presented shortly before.",
        ("presented_again", _FAILED, "The same document was presented shortly before."),
        ("multiple_use_off", _NOT_SUPPORTED, "The profile does not ask for this."),
    ),
    _entry(
        CheckName.LANE_HEALTH,
        CheckGroup.BACKGROUND,
        6000,
        "Nothing happened to the lane during the passage.",
        ("gate_lost", _ABORTED, "The gate unit does not answer."),
        ("emergency", _ABORTED, "The emergency input was raised."),
        ("reading_timed_out", _ABORTED, "Reading the document took longer than allowed."),
        ("help_wished", _ABORTED, "The traveller asked for an officer."),
        ("officer_hold", _ABORTED, "An officer held the passage."),
        ("out_of_service", _ABORTED, "The lane was taken out of service."),
        ("inside_too_long", _ABORTED, "The traveller was in the gate for longer than allowed."),
        ("exit_not_taken", _ABORTED, "The exit was opened and nobody left."),
        ("did_not_leave", _ABORTED, "The entry was opened for the way back and nobody left."),
        ("door_not_locked", _FAILED, "A door that must be locked is not."),
        ("door_did_not_lock", _FAILED, "A door did not lock after the passage."),
        ("entry_not_locked_while_leaving", _FAILED, "The entry was not locked while the exit was open."),
        ("exit_not_locked_while_entering", _FAILED, "The exit was not locked while the entry was open."),
        ("exit_not_locked_while_returning", _FAILED, "The exit was not locked while the traveller went back."),
        ("person_vanished", _FAILED, "The person in the gate is no longer counted, and no door was open."),
        ("unexpected_person", _FAILED, "Somebody is in the gate who did not come in through the entry."),
        ("tamper", _FAILED, "A housing was opened."),
        ("not_recorded", _FAILED, "The crossing could not be recorded durably."),
        ("occupied_after_resync", _UNDETERMINED, "Somebody was in the gate when the lane came back."),
        ("no_reason", _UNDETERMINED, "The passage was referred without a reason."),
        ("device_lost", _ABORTED, "A device of the lane does not answer."),
        ("document_removed", _ABORTED, "The document was taken away before it was read to the end."),
        ("no_rule_applies", _UNDETERMINED, "The profile has no check that could decide."),
        ("wrong_direction", _FAILED, "Somebody came in through the exit, or a way was forced."),
        ("door_obstructed", _FAILED, "Something keeps a door from closing."),
        ("returned_through_entry", _ABORTED, "The traveller came in and went back through the entry by themselves."),
        ("object_left", _ABORTED, "Something lies in the gate."),
        ("power_low", _ABORTED, "The lane's battery is nearly empty."),
        ("degraded", _ABORTED, "The lane works with less than it should have, so an officer decides."),
        ("token_unknown", _FAILED, "No kiosk read this document lately."),
    ),
)

CATALOGUE: Mapping[CheckName, CatalogueEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""The catalogue, by check, in the order of the checks."""

_ENDINGS = {(entry.name, ending.code): ending for entry in _ENTRIES for ending in entry.endings}


def group_of(name: CheckName) -> CheckGroup:
    """The group of a check (TR-03135-1 §3.7)."""
    return CATALOGUE[name].group


def ending(name: CheckName, code: str) -> Ending:
    """The catalogue's line for a code of a check; a code it lacks is a mistake of ours and raises KeyError."""
    return _ENDINGS[name, code]


def finding(name: CheckName, code: str, detail: str = "") -> Check:
    """A check that ended with this code; the catalogue knows the result."""
    return Check(name, ending(name, code).result, code, detail)


def success(name: CheckName, detail: str = "") -> Check:
    """A successful check; `detail` may say how (e.g. the protocol used)."""
    return Check(name, CheckResult.SUCCESSFUL, "", detail)


def describe(checks: Iterable[Check]) -> tuple[str, ...]:
    """One sentence for each check, for logs and screens: its ending's text, or its meaning when it was successful."""
    return tuple(ending(check.name, check.code).text if check.code else CATALOGUE[check.name].meaning for check in checks)
