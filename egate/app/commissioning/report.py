"""The report of a self-test: canonical JSON, signed, comparable with the last one, and readable.

The rules: a report holds what was measured, never personal data, never a key; it is signed over a domain word and the canonical
text of its content, so it is what was signed or it is refused; a comparison names in words what became better, worse, or other.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.app.commissioning.findings import Diagnosis, Finding, Measure, Result, Verdict, verdict_of
from egate.model.errors import DeviceError, MalformedData, TrustError

FORMAT = "egate commission 2"
LARGEST_REPORT_BYTES = 1024 * 1024
"""Some sixty findings of a few hundred bytes."""
_DOMAIN = b"egate commission report 1\n"
_SIGNATURE_BYTES = 64
NOTABLE_CHANGE = 0.2
"""A measured value that differs by a fifth is told."""


@dataclass(frozen=True, slots=True)
class Report:
    """One self-test. `made_at` is UTC, `config_sha256` of the lane's file as it was."""

    lane: str
    number: int
    made_at: str
    config_sha256: str
    versions: Mapping[str, str]
    devices: Mapping[str, str]
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Over all findings."""
        return verdict_of(self.findings)

    @property
    def stem(self) -> str:
        """The name of its files, without a suffix."""
        return f"commission-{self.lane}-{self.made_at.replace(':', '').replace('-', '')}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A report with its signature (empty: none) and the fingerprint of the key."""

    report: Report
    signature: bytes = b""
    key: str = ""


def fingerprint(key: Ed25519PublicKey) -> str:
    """The first 16 hexadecimal digits of the key's SHA-256: enough to tell keys apart."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def moment(wall_ns: int) -> str:
    """A time for a report, in UTC and whole seconds."""
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(report: Report) -> bytes:
    """The text that is signed: ASCII, sorted keys, no blanks."""
    return json.dumps(_content(report), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def sign_report(report: Report, key: Ed25519PrivateKey | None) -> Signed:
    """Sign, where there is a key."""
    if key is None:
        return Signed(report)
    return Signed(report, key.sign(_DOMAIN + canonical(report)), fingerprint(key.public_key()))


def verify_report(signed: Signed, key: Ed25519PublicKey) -> None:
    """Raises TrustError for a report without a signature, of another key, or changed since."""
    doing = "verifying a commission report"
    if not signed.signature:
        raise TrustError(doing, "it is not signed")
    try:
        key.verify(signed.signature, _DOMAIN + canonical(signed.report))
    except InvalidSignature:
        other = "" if signed.key == fingerprint(key) else f"; it names key {signed.key}, this is {fingerprint(key)}"
        raise TrustError(doing, f"the signature does not hold: changed since, or signed with another key{other}") from None


def encode_signed(signed: Signed) -> bytes:
    """The file: for people too, so with line breaks."""
    content = {"report": _content(signed.report), "signature": signed.signature.hex(), "key": signed.key}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")


def parse_signed(data: bytes) -> Signed:
    """Read a file; raises MalformedData. Nothing is verified yet."""
    doing = "reading a commission report"
    if len(data) > LARGEST_REPORT_BYTES:
        raise MalformedData(doing, f"it is larger than {LARGEST_REPORT_BYTES} bytes")
    try:
        content = json.loads(data)
        report = _parsed(content["report"])
        signature, key = bytes.fromhex(content["signature"]), str(content["key"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MalformedData(doing, "this is no commission report") from None
    if len(signature) not in (0, _SIGNATURE_BYTES) or json.loads(data)["report"] != _content(report):
        raise MalformedData(doing, "it holds more or other than a commission report")
    return Signed(report, signature, key)


def load_signed(path: Path) -> Signed:
    """Read a report's file; raises DeviceError or MalformedData."""
    try:
        with path.open("rb") as file:
            return parse_signed(file.read(LARGEST_REPORT_BYTES + 1))
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None


def prove_folder(folder: Path) -> None:
    """Prove that a report can be written there, before anybody's hands are asked for; raises DeviceError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"proof")
            file.flush()
    except OSError as error:
        problem = error.strerror or "it cannot be written"
        raise DeviceError(f"writing a report to {folder}", f"{problem}; nothing was tested") from None


def write_report(signed: Signed, folder: Path) -> tuple[Path, Path]:
    """Write the file and its readable text, never over an older one; raises DeviceError."""
    stem = signed.report.stem
    paths = folder / f"{stem}.json", folder / f"{stem}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in zip(paths, (encode_signed(signed), report_text(signed).encode("utf-8")), strict=True):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise DeviceError(f"writing a report to {folder}", error.strerror or "it cannot be written") from None
    return paths


_MARK = {Result.GOOD: "✓", Result.NOTICE: "!", Result.BAD: "✗", Result.LEFT_OUT: "–", Result.NOT_HERE: "·"}


def finding_lines(finding: Finding) -> tuple[str, ...]:
    """One finding for people: mark, subject, words; what to mend; what was measured."""
    lines = [f"{_MARK[finding.result]} {finding.subject}: {finding.words}"]
    if finding.diagnosis is not Diagnosis.NONE:
        lines.append(f"    {finding.diagnosis.value}. {finding.mend}")
    lines += [f"    {measure.words}" for measure in finding.measures]
    return tuple(lines)


def verdict_words(report: Report) -> str:
    """The verdict in one sentence."""
    count = {result: sum(finding.result is result for finding in report.findings) for result in Result}
    left = f"; these steps were not done: {not_done(report.findings)}" if count[Result.LEFT_OUT] else ""
    notices = f", with {_so_many(count[Result.NOTICE], 'notice')}" if count[Result.NOTICE] else ""
    match report.verdict:
        case Verdict.NOT_READY:
            return f"NOT ready: {_so_many(count[Result.BAD], 'fault')} to mend{left}"
        case Verdict.READY:
            return f"ready{notices}"
        case Verdict.INCOMPLETE:
            return f"INCOMPLETE, not ready{notices}{left or '; nothing was tested'}"


def _so_many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def not_done(findings: Sequence[Finding]) -> str:
    """Every step with what was left out of it, in the order of the report."""
    steps: dict[str, list[str]] = {}
    for finding in findings:
        if finding.result is Result.LEFT_OUT:
            steps.setdefault(finding.step, []).append(finding.subject)
    return ", ".join(f"{step} ({', '.join(subjects)})" for step, subjects in steps.items())


def sentence(words: str) -> str:
    """With a capital letter and a full stop; what is shouted stays so."""
    return f"{words[:1].upper()}{words[1:]}."


def report_text(signed: Signed) -> str:
    """The whole report, readable."""
    report, lines = signed.report, list[str]()
    lines += [f"Commission report of lane {report.lane} (number {report.number})", f"made at {report.made_at}"]
    lines += [f"lane's file SHA-256 {report.config_sha256}", f"took {report.seconds:g} s"]
    lines += [f"{name} {value}" for name, value in sorted(report.versions.items())]
    lines += [f"{name}: {value}" for name, value in sorted(report.devices.items())]
    lines += [f"signed with key {signed.key}" if signed.signature else "not signed", "", sentence(verdict_words(report))]
    step = ""
    for finding in report.findings:
        if finding.step != step:
            step = finding.step
            lines += ["", step]
        lines += [f"  {line}" for line in finding_lines(finding)]
    return "\n".join(lines) + "\n"


def compare(before: Report, after: Report) -> tuple[str, ...]:
    """What changed from one report to the next, in words; empty when nothing did."""
    lines = []
    if before.lane != after.lane:
        lines.append(f"these are two lanes: {before.lane} and {after.lane}")
    if before.config_sha256 != after.config_sha256:
        lines.append("the lane's file was changed")
    for word, old, new in (("version", before.versions, after.versions), ("device", before.devices, after.devices)):
        lines += [
            f"{word} {name}: was {old.get(name, 'not there')}, is {new.get(name, 'not there')}"
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    return (*lines, *_changed_findings(before.findings, after.findings))


def _changed_findings(before: Sequence[Finding], after: Sequence[Finding]) -> list[str]:
    lines, old, new = [], _by_place(before), _by_place(after)
    for place in [*old, *(place for place in new if place not in old)]:
        name, was, now = " / ".join(place), old.get(place, ()), new.get(place, ())
        was_words, now_words = _words_of(was), _words_of(now)
        if was_words != now_words:
            lines.append(f"{name}: was {was_words}, is {now_words}")
        elif len(was) == len(now) == 1:
            lines += [f"{name}: {words}" for words in _changed_measures(was[0].measures, now[0].measures)]
    return lines


def _words_of(findings: Sequence[Finding]) -> str:
    """Results and diagnoses of one thing, each once."""
    words = {f"{f.result.value}, {f.diagnosis.value}" if f.mend else f.result.value for f in findings}
    return " and ".join(sorted(words)) or "not tested"


def _by_place(findings: Sequence[Finding]) -> dict[tuple[str, str], tuple[Finding, ...]]:
    places: dict[tuple[str, str], tuple[Finding, ...]] = {}
    for finding in findings:
        place = finding.step, finding.subject
        places[place] = (*places.get(place, ()), finding)
    return places


def _changed_measures(before: Sequence[Measure], after: Sequence[Measure]) -> list[str]:
    """Values that have a limit and differ by a fifth or more."""
    old = {measure.name: measure for measure in before}
    return [
        f"{new.name} was {old[new.name].value:g}, is {new.value:g} {new.unit}".rstrip()
        for new in after
        if new.name in old
        and (new.least is not None or new.most is not None)
        and abs(new.value - old[new.name].value) > NOTABLE_CHANGE * max(abs(old[new.name].value), abs(new.value))
    ]


def _content(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "lane": report.lane,
        "number": report.number,
        "made_at": report.made_at,
        "config_sha256": report.config_sha256,
        "versions": dict(report.versions),
        "devices": dict(report.devices),
        "seconds": float(report.seconds),
        "verdict": report.verdict.value,
        "findings": [
            {
                **{name: getattr(finding, name) for name in ("step", "subject", "words", "mend")},
                "result": finding.result.value,
                "diagnosis": finding.diagnosis.value,
                "measures": [asdict(measure) for measure in finding.measures],
            }
            for finding in report.findings
        ],
    }


def _parsed(content: Mapping[str, Any]) -> Report:
    """The report that a file holds; raises KeyError, TypeError or ValueError for another shape."""
    if content["format"] != FORMAT:
        raise ValueError(content["format"])
    return Report(
        lane=str(content["lane"]),
        number=int(content["number"]),
        made_at=str(content["made_at"]),
        config_sha256=str(content["config_sha256"]),
        versions={str(name): str(value) for name, value in content["versions"].items()},
        devices={str(name): str(value) for name, value in content["devices"].items()},
        seconds=float(content["seconds"]),
        findings=tuple(
            Finding(
                str(entry["step"]),
                str(entry["subject"]),
                Result(entry["result"]),
                str(entry["words"]),
                Diagnosis(entry["diagnosis"]),
                tuple(Measure(**measure) for measure in entry["measures"]),
            )
            for entry in content["findings"]
        ),
    )
