"""The chip session as a dialogue: access, files, proof that the chip is genuine, and the face last.

Sources: ICAO Doc 9303-11 §4.2 (order of access), §6 (authentication of the chip), Doc 9303-10 §4. Rule: gathering never judges.
What a chip does wrong becomes a `ProtocolOutcome` and reading goes on as far as it can; the dialogue returns what it has. Only
the loss of the chip or of the device passes through as an error. No key outlives the dialogue.

The order, with the same numbers at the steps:

1. Access by PACE, else by BAC, or the other way round; a protocol that failed stays in the evidence, so a fall-back shows.
2. EF.COM, EF.SOD, DG1, DG14 and whatever else is asked for.
3. Chip authentication where DG14 offers it; only an answer under the new keys completes it. Then DG15.
4. Active authentication where the chip did not prove itself by then, was not caught, and has DG15.
5. DG2, the longest, last.

Outcomes: `pace`, `bac`, `chip_authentication`, `active_authentication`; `application` when it could not be selected; `file`
(variant: its name) when a file is there but could not be read; `secure_messaging` when a session broke. An optional file that
is absent leaves no outcome. A session that broke is opened again a few times, in smaller blocks where a length may have broken
it, because chips of the field answer lengths they dislike, and files they lack, without protection. What is read afterwards is as
well protected as before.
"""

from __future__ import annotations

from collections.abc import Generator

from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.access import ChipAccess
from egate.mrtd.active_auth import CHALLENGE_BYTES, internal_authenticate, verify_response
from egate.mrtd.apdu import SW_FILE_NOT_FOUND, SW_SECURITY_STATUS, CommandApdu, ResponseApdu
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication, choose_chip_authentication
from egate.mrtd.crypto.agreement import Entropy
from egate.mrtd.file_reading import FileAbsent
from egate.mrtd.files.lds import parse_dg15
from egate.mrtd.files.security_infos import SecurityInfos, parse_dg14
from egate.mrtd.gathering import Attempt, Gathering, Progress, ReadRequest, Step, status_word

__all__ = ["ReadRequest", "read_chip"]

_FIRST_FILES = (ElementaryFile.COM, ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG14)
_BEGIN_OF_DG14 = CommandApdu(0x00, 0xB0, 0x80 | ElementaryFile.DG14.short_id, 0x00, le=8)
_LENGTH_TROUBLE = frozenset({0x6700, 0x6B00, 0x6F00})
_NOT_ABOUT_LENGTH = frozenset({SW_FILE_NOT_FOUND, SW_SECURITY_STATUS})


def read_chip(request: ReadRequest, entropy: Entropy, progress: Progress) -> Generator[CommandApdu, ResponseApdu, ChipEvidence]:
    """Read a chip and return the evidence. Raises nothing of its own; what the caller throws in passes through.

    `entropy` gives random bytes, `progress` learns of each block. The caller sends each command that is yielded and sends the
    response back, or throws ChipLost or DeviceError.
    """
    gathering = Gathering(request, progress)
    reader = _Reader(gathering, entropy)
    try:
        yield from gathering.session.carried(reader.run())
    finally:
        gathering.session.end()
    return gathering.evidence()


class _Ended(Exception):
    """Nothing more can be read."""


class _Reader:
    """The plan of one reading. Its methods yield plain commands."""

    def __init__(self, gathering: Gathering, entropy: Entropy) -> None:
        self._gathering = gathering
        self._entropy = entropy
        self._access = ChipAccess(gathering, entropy)

    def run(self) -> Step:
        """The numbered plan of the module."""
        try:
            if not (yield from self._access.open()):  # 1
                return
            for file in (*_FIRST_FILES, *self._gathering.request.further_files):  # 2
                yield from self._read(file)
            infos = self._chip_infos()
            yield from self._authenticate_chip(infos)  # 3
            yield from self._authenticate_actively(infos)  # 4
            yield from self._read(ElementaryFile.DG2)  # 5
        except _Ended:
            return

    def _reopen(self) -> Step:
        """Open the broken session again; raises _Ended when that does not work."""
        if not (yield from self._access.reopen()):
            raise _Ended

    def _read(self, file: ElementaryFile) -> Step:
        """Read a file into the evidence, with smaller blocks where the chip chokes on large ones."""
        while True:
            try:
                self._gathering.files[file] = yield from self._gathering.read_once(file)
                return
            except FileAbsent:
                return
            except (ChipError, MalformedData) as error:
                if not (yield from self._may_try_again(file, error)):
                    return

    def _may_try_again(self, file: ElementaryFile, error: ChipError | MalformedData) -> Attempt:
        """Whether the file should be read again, in smaller blocks; a broken session is opened again for the files to come."""
        sw = status_word(error)
        broken = self._gathering.session.broken
        about_length = sw in _LENGTH_TROUBLE or (broken and sw not in _NOT_ABOUT_LENGTH)
        smaller = about_length and self._gathering.take_smaller_blocks()
        if broken:
            self._gathering.note("secure_messaging", ProtocolState.BROKEN, file.name, sw, error.problem)
            yield from self._reopen()
        if not smaller:
            self._gathering.note_failure("file", error, file.name)
        return smaller

    def _chip_infos(self) -> SecurityInfos | None:
        """What DG14 offers, None when it is absent or malformed, with the outcome that follows from that."""
        data = self._gathering.files.get(ElementaryFile.DG14)
        if data is None:
            self._gathering.note("chip_authentication", ProtocolState.NOT_OFFERED, detail="no DG14")
            return None
        try:
            return parse_dg14(data)
        except MalformedData as error:
            self._gathering.note("chip_authentication", ProtocolState.BROKEN, detail=f"DG14: {error.problem}")
            return None

    def _authenticate_chip(self, infos: SecurityInfos | None) -> Step:
        """Chip authentication, completed by the first answer under the new keys; then DG15, which either proof may need."""
        way = choose_chip_authentication(infos) if infos is not None else None
        if way is not None:
            if (yield from self._changed_keys(way)):
                yield from self._prove_keys(way)
        elif infos is not None:
            detail = "no variant that this reader speaks" if infos.chip_authentication_keys else "not in DG14"
            self._gathering.note("chip_authentication", ProtocolState.NOT_OFFERED, detail=detail)
        yield from self._read(ElementaryFile.DG15)

    def _changed_keys(self, way: ChipAuthenticationWay) -> Attempt:
        """Run the protocol and go on under its keys."""
        try:
            secure = yield from chip_authentication(way, self._entropy)
        except ChipError as error:
            self._gathering.note_failure("chip_authentication", error, _chip_variant(way))
            if self._gathering.session.broken:
                yield from self._reopen()
            return False
        self._gathering.session.begin(secure)
        return True

    def _prove_keys(self, way: ChipAuthenticationWay) -> Step:
        """One command under the new keys, whose answer only the genuine chip can give; a clone's session is opened anew.

        It asks for the begin of DG14, which is there; a refusal that is protected proves the keys just as well.
        """
        secure, sw = self._gathering.session.secure, None
        try:
            yield _BEGIN_OF_DG14
        except ChipError as error:
            sw = error.sw
        if secure is not None and secure.answered:
            self._gathering.note("chip_authentication", ProtocolState.COMPLETED, _chip_variant(way), 0x9000)
            return
        detail = "the chip does not hold the key that DG14 announces"
        self._gathering.note("chip_authentication", ProtocolState.BROKEN, _chip_variant(way), sw, detail)
        yield from self._reopen()

    def _authenticate_actively(self, infos: SecurityInfos | None) -> Step:
        """Active authentication with a fresh challenge; COMPLETED only when the signature verified."""
        data = self._gathering.files.get(ElementaryFile.DG15)
        if data is None:
            self._gathering.note("active_authentication", ProtocolState.NOT_OFFERED, detail="no DG15")
            return
        if self._gathering.state("chip_authentication") in {ProtocolState.COMPLETED, ProtocolState.BROKEN}:
            return
        challenge = self._entropy(CHALLENGE_BYTES)
        algorithm = infos.active_authentication if infos else None
        try:
            key = parse_dg15(data)
            signature = yield from internal_authenticate(challenge)
            variant = verify_response(key, challenge, signature, algorithm)
        except (ChipError, MalformedData) as error:
            self._gathering.note_failure("active_authentication", error)
            if self._gathering.session.broken:
                yield from self._reopen()
            return
        self._gathering.note("active_authentication", ProtocolState.COMPLETED, variant, 0x9000)


def _chip_variant(way: ChipAuthenticationWay) -> str:
    """E.g. `ecdh-aes-128-brainpoolP256r1`."""
    return f"ecdh-{way.suite.word}-{way.curve.name}"
