"""The words of the demo's story: one line for each event of a passage, for somebody who knows nothing about border control."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from egate.ipc.messages import PassageEvent
from egate.model.checks import CheckName, CheckResult
from egate.model.crossing import RecordKind
from egate.model.face import CaptureHint
from egate.model.lane import Alarm, OfficerAction

Paint = Callable[[str, str], str]
"""(text, colour code) → text as the terminal shows it."""

LABEL = 17
"""Columns of the first word of a line."""

PHASES: Mapping[str, str] = {
    "idle": "the lane is free",
    "reading": "the chip is being read; the kiosk says: leave it there",
    "referred_outside": "the entry door stays locked; the kiosk says: please wait, an officer will come",
    "entry_open": "the entry door may be opened; the kiosk says: walk in, take your passport",
    "entry_closing": "somebody is inside; the entry door locks",
    "capture": "both doors locked, one person inside; the kiosk says: look at the camera",
    "recording": "decided; writing the record before any door moves",
    "exit_open": "the record is on disk; the exit door may be opened; the kiosk says: go",
    "exit_closing": "the traveller left; the exit door locks",
    "left_object": "something lies in the empty gate; the lane waits until it is gone and an officer says so",
    "referred": "no door opens; the kiosk says: please wait, an officer will come",
    "return_open": "the entry door may be opened; the kiosk says: please go back",
    "return_closing": "the traveller left through the entry door, which locks",
    "emergency": "EMERGENCY: the doors are free by hardware, the lane keeps out of the way",
    "resync": "nothing opens before both doors are proved closed and locked",
    "out_of_service": "the lane is closed",
}
"""What each phase means to a bystander."""

CHECKS: Mapping[CheckName, str] = {
    CheckName.MRZ_CHECK_DIGITS: "printed zone adds up",
    CheckName.DOCUMENT_EXPIRY: "document is in date",
    CheckName.CHIP_ACCESS: "chip could be opened",
    CheckName.SECURITY_OBJECT_SIGNATURE: "signature over chip data holds",
    CheckName.CERTIFICATE_CHAIN: "signer belongs to a trusted State",
    CheckName.CERTIFICATE_REVOCATION: "signer is on no revocation list",
    CheckName.DATA_GROUP_HASHES: "chip data are unchanged",
    CheckName.FILE_LIST_CONSISTENT: "chip lists what was signed",
    CheckName.CHIP_GENUINE: "chip is no copy",
    CheckName.TERMINAL_AUTHENTICATION: "terminal may read fingerprints",
    CheckName.MRZ_MATCHES_CHIP: "print and chip agree",
    CheckName.ISSUER_MATCHES_CERTIFICATE: "issuer and signer agree",
    CheckName.SINGLE_PERSON: "one person in the gate",
    CheckName.FACE_CAPTURE: "a good live image",
    CheckName.FACE_MATCH: "live face is the chip's face",
    CheckName.PRESENTATION_ATTACK: "no mask, print or screen",
    CheckName.DOCUMENT_WATCHLIST: "document on no list",
    CheckName.PERSON_WATCHLIST: "person on no list",
    CheckName.ELIGIBILITY: "may use the gate",
    CheckName.MULTIPLE_USE: "not used twice",
    CheckName.LANE_HEALTH: "lane is sound",
}
"""Each check in plain words."""

HINTS: Mapping[CaptureHint, str] = {
    CaptureHint.NONE: "good, stay like this",
    CaptureHint.NO_FACE: "look at the camera",
    CaptureHint.SEVERAL_FACES: "one person only",
    CaptureHint.COME_CLOSER: "come closer",
    CaptureHint.STEP_BACK: "step back a little",
    CaptureHint.MOVE_LEFT: "move to the left",
    CaptureHint.MOVE_RIGHT: "move to the right",
    CaptureHint.TOO_HIGH: "lower your head a little",
    CaptureHint.TOO_LOW: "raise your head a little",
    CaptureHint.LOOK_STRAIGHT: "look straight ahead",
    CaptureHint.HOLD_STILL: "hold still",
    CaptureHint.MORE_LIGHT: "turn your face to the light",
    CaptureHint.LESS_LIGHT: "turn your face away from the light",
    CaptureHint.UNCOVER_FACE: "uncover your face",
    CaptureHint.OPEN_EYES: "open your eyes",
    CaptureHint.CLOSE_MOUTH: "close your mouth",
}
"""The hints in plain words (TR-03121-3 UI-FI-BSJ)."""

ALARMS: Mapping[Alarm, str] = {
    Alarm.EMERGENCY: "emergency",
    Alarm.TAMPER: "somebody opened the gate unit's cabinet",
    Alarm.LIST_HIT: "list hit, silent: only the officer's console shows it",
    Alarm.TAILGATING: "more than one person in the gate",
    Alarm.WRONG_DIRECTION: "somebody came in the wrong way",
    Alarm.OBSTRUCTION: "something keeps a door from closing",
    Alarm.LEFT_OBJECT: "something was left in the gate",
    Alarm.POWER: "the lane runs on its battery",
    Alarm.NO_OFFICER: "nobody is at the monitoring station",
    Alarm.DEGRADED: "the lane works with less than it should have",
    Alarm.DOOR_FAULT: "a door does not do what it should",
    Alarm.REFERRAL: "an officer is called",
    Alarm.DEVICE_LOST: "a device does not answer",
    Alarm.NOT_RECORDED: "the record could not be written",
    Alarm.OVERSTAY: "somebody stays in the gate for too long",
    Alarm.FMR_OUT_OF_BAND: "strangers match each other more often, or far more rarely, than the threshold promises",
    Alarm.TRUST_STALE: "trust material goes stale",
}
"""What the console calls the officer for."""

SILENT = "the list hit stays silent: the traveller walks in like everybody, the officer decides inside"
"""Why a listed traveller's entry door opens."""

_MARK: Mapping[str, tuple[str, str]] = {
    CheckResult.SUCCESSFUL.word: ("✔", "32"),
    CheckResult.FAILED.word: ("✘", "31"),
    CheckResult.UNDETERMINED.word: ("?", "33"),
    CheckResult.ABORTED.word: ("!", "33"),
    CheckResult.NOT_SUPPORTED.word: ("–", "90"),
}

FIVE_WORDS = ", ".join(f"{mark} {word}" for word, (mark, _) in _MARK.items())
"""The five words with their marks."""

_CHIP: Mapping[str, str] = {
    "pace": "PACE, which opens it with its printed data",
    "bac": "BAC, which opens it with its printed data",
    "chip_authentication": "chip authentication, which proves that it is no copy",
    "active_authentication": "active authentication, the older proof",
    "files": "files",
}

_RECORDS: Mapping[str, str] = {
    RecordKind.CROSSING.value: "the decision",
    RecordKind.OFFICER_ACT.value: "the officer's act",
    RecordKind.COMPLETION.value: "how it ended",
    RecordKind.LANE_EVENT.value: "an event of the lane",
}

_ACTIONS: Mapping[str, str] = {
    OfficerAction.CLEAR.value: "lets the traveller through",
    OfficerAction.RELEASE_TO_ENTRY.value: "leads the traveller away",
    OfficerAction.HOLD.value: "holds the passage",
    OfficerAction.OUT_OF_SERVICE.value: "closes the lane",
    OfficerAction.IN_SERVICE.value: "opens the lane",
}

_CAPTURE: Mapping[str, str] = {
    "captured": "captured",
    "no_usable_face": "no usable picture",
    "several_faces": "several faces",
    "aborted": "broke off",
    "reference": "no portrait to compare with",
}


def line_of(event: PassageEvent, paint: Paint) -> str:
    """The line of one event; empty for what tells a bystander nothing."""
    teller = _TELLERS.get(event.what)
    return teller(event, paint) if teller else _labelled(event.what, f"{_plain(event.name)}{_after(event.detail)}")


def hint_line(hint: CaptureHint) -> str:
    """What the kiosk's screen says while the face is captured."""
    return _labelled("kiosk hint", HINTS[hint])


def because_text(part: str) -> str:
    """`face_match:failed:face_differs` as `live face is the chip's face: failed (face differs)`."""
    name, _, rest = part.partition(":")
    word, _, code = rest.partition(":")
    known = {check.value: plain for check, plain in CHECKS.items()}
    return f"{known.get(name, _plain(name))}: {word}" + (f" ({_plain(code)})" if code else "")


def _phase(event: PassageEvent, paint: Paint) -> str:
    return paint(f"{_plain(event.name):<{LABEL}}", "36") + PHASES.get(event.name, "")


def _document(event: PassageEvent, _: Paint) -> str:
    words = "laid on the reader" if event.name == "presented" else _plain(event.name)
    return _labelled("passport", words + (f", {event.detail}" if event.detail else ""))


def _chip(event: PassageEvent, _: Paint) -> str:
    proofs = ("pace", "bac", "chip_authentication", "active_authentication")
    words = event.detail.replace(" ", ", ", 1) if event.name in proofs else event.detail
    return _labelled("chip", f"{_CHIP.get(event.name, _plain(event.name))}: {_plain(words)}")


def _check(event: PassageEvent, paint: Paint) -> str:
    word, _, code = event.detail.partition(": ")
    mark, colour = _MARK.get(word, ("?", "33"))
    text = f"{mark} {CHECKS[CheckName(event.name)]:<33} {word}"
    return _labelled("check", paint(text, colour) + (f" ({_plain(code)})" if code else ""))


def _capture(event: PassageEvent, _: Paint) -> str:
    return _labelled("live picture", f"{_CAPTURE.get(event.name, _plain(event.name))}{_after(event.detail)}")


def _score(event: PassageEvent, _: Paint) -> str:
    return _labelled("face score", f"{event.name}: {event.detail.replace('FMR', 'false match rate')}")


def _decision(event: PassageEvent, paint: Paint) -> str:
    point, _, outcome = event.name.partition(":")
    text = f"{point} door: " + paint(outcome, "1;32" if outcome == "ADMIT" else "1;33")
    because = "; ".join(because_text(part) for part in event.detail.split(", ") if part)
    return _labelled("decision", text + (f", because {because}" if because else ""))


def _alarm(event: PassageEvent, paint: Paint) -> str:
    known = {alarm.value: words for alarm, words in ALARMS.items()}
    return paint(f"{'alarm':<{LABEL}}", "35") + known.get(event.name, _plain(event.name)) + _after(event.detail)


def _officer(event: PassageEvent, paint: Paint) -> str:
    reason, _, officer = event.detail.partition(" by ")
    act = _ACTIONS.get(event.name, _plain(event.name))
    return paint(f"{f'officer {officer}':<{LABEL}}", "35") + f"{act}; reason: {_plain(reason)}"


def _record(event: PassageEvent, _: Paint) -> str:
    return _labelled(
        "record", f"{_RECORDS.get(event.name, _plain(event.name))}, {event.detail.replace('is durable', 'is on disk')}"
    )


def _receipt(event: PassageEvent, _: Paint) -> str:
    return _labelled("receipt", f"the {_plain(event.name)} {event.detail}")


def _trust(event: PassageEvent, _: Paint) -> str:
    return _labelled("trust", event.detail)


def _door(event: PassageEvent, _: Paint) -> str:
    if event.name != "left_through":
        return _labelled("door", f"{_plain(event.name)} {event.detail}, renewed while it is needed")
    return _labelled("door", "nobody went in" if event.detail == "none" else f"the traveller left through the {event.detail}")


_TELLERS: Mapping[str, Callable[[PassageEvent, Paint], str]] = {
    "phase": _phase,
    "document": _document,
    "chip": _chip,
    "check": _check,
    "capture": _capture,
    "score": _score,
    "decision": _decision,
    "alarm": _alarm,
    "officer": _officer,
    "record": _record,
    "receipt": _receipt,
    "door": _door,
    "trust": _trust,
}


def _labelled(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"


def _plain(code: str) -> str:
    return code.replace("_", " ")


def _after(detail: str) -> str:
    return f": {_plain(detail)}" if detail else ""
