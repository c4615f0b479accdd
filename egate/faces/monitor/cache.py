"""The worker's half of the live accuracy monitor: recent references, sealed, few, and soon forgotten.

A reference is kept to be compared with probes of other people and for nothing else. Rules (TR-03121-3 EVA-VER-nCIR-1):

1. the probe is compared first, with every cached reference that may not be of the same person, and its own reference is added
   afterwards, in place of any earlier one of the same person: the cache never holds two;
2. at most `most` references are kept, the oldest goes first, and each for `keep_s` at most, whether or not anybody comes;
3. a reference lies in memory sealed with AES-256-GCM under a key of this process, and is open only while it is compared; nothing
   is written anywhere, and the key dies with the process;
4. only counts leave: no template, no score, no token.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from egate.faces.comparison import Judge
from egate.faces.engine import Template
from egate.faces.monitor.counts import Impostors, Tally
from egate.faces.monitor.limits import LONGEST_HOURS, MOST_REFERENCES
from egate.faces.monitor.subject import Subject

HELD_S = 5.0
"""How long a capture's own templates wait for the controller's word whose they are; it comes at once or never."""

KEY_BYTES = 32
_NONCE_BYTES = 12
_LENGTHS = struct.Struct("<IId")
"""Bytes of the vector, bytes of the opaque part, length that the vector had."""


@dataclass(frozen=True, slots=True)
class _Kept:
    subject: Subject
    since_s: float
    number: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """The two templates of the capture that ended last."""

    reference: Template = field(repr=False)
    probe: Template = field(repr=False)
    since_s: float


class ReferenceCache:
    """Recent references of other travellers. Its methods may be called from two threads: a timer forgets.

    `key` is random and this process's own; no reference is sealed twice under one number.
    """

    def __init__(self, judge: Judge, most: int, keep_s: float, key: bytes) -> None:
        if not 1 <= most <= MOST_REFERENCES or not 0 < keep_s <= LONGEST_HOURS * 3600:
            raise ValueError(f"1 to {MOST_REFERENCES} references for at most {LONGEST_HOURS} hours")
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes")
        self._judge, self._most, self._keep_s = judge, most, keep_s
        self._cipher, self._sealings = AESGCM(key), 0
        self._kept: tuple[_Kept, ...] = ()
        self._held: _Held | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def hold(self, reference: Template, probe: Template, now_s: float) -> None:
        """A capture was compared; its templates wait a moment for `observe`."""
        with self._lock:
            self._held = _Held(reference, probe, now_s)

    def release(self) -> None:
        """Whatever waits is not wanted."""
        with self._lock:
            self._held = None

    def observe(self, subject: Subject, now_s: float) -> Impostors | None:
        """Compare the held probe with the cached references of others, then keep its reference; None when nothing waits."""
        self.forget_old(now_s)
        with self._lock:
            held, self._held = self._held, None
            if held is None:
                return None
            counts = self._compare(subject, held.probe)
            others = [kept for kept in self._kept if not kept.subject.shares_a_token(subject)]
            self._kept = (*others, self._sealed(subject, held.reference, now_s))[-self._most :]
            return counts

    def forget_old(self, now_s: float) -> None:
        """Drop what is older than it may be."""
        with self._lock:
            self._kept = tuple(kept for kept in self._kept if now_s - kept.since_s < self._keep_s)
            if self._held is not None and now_s - self._held.since_s >= HELD_S:
                self._held = None

    def _compare(self, subject: Subject, probe: Template) -> Impostors:
        mine = subject.groups.values
        tally, coinciding = Tally(), [Tally()] * len(mine)
        for kept in self._kept:
            if kept.subject.shares_a_token(subject):
                continue
            matched = self._judge.engine.compare(self._opened(kept), probe) >= self._judge.threshold
            one = Tally(1, int(matched))
            tally += one
            for number, (ours, theirs) in enumerate(zip(mine, kept.subject.groups.values, strict=True)):
                if ours and ours == theirs:
                    coinciding[number] += one
        by_age, by_sex, by_nationality, by_issuer = coinciding
        return Impostors(subject.groups, tally, (by_age, by_sex, by_nationality, by_issuer))

    def _sealed(self, subject: Subject, template: Template, now_s: float) -> _Kept:
        vector = np.asarray(template.vector, "<f8").tobytes()
        plain = _LENGTHS.pack(len(vector), len(template.opaque), template.norm) + vector + template.opaque
        self._sealings += 1
        return _Kept(subject, now_s, self._sealings, self._cipher.encrypt(_nonce(self._sealings), plain, None))

    def _opened(self, kept: _Kept) -> Template:
        plain = self._cipher.decrypt(_nonce(kept.number), kept.sealed, None)
        vector, opaque, norm = _LENGTHS.unpack_from(plain)
        start = _LENGTHS.size
        values = np.frombuffer(plain, "<f8", vector // 8, start).astype(np.float64)
        return Template(values, norm, plain[start + vector : start + vector + opaque])


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")
