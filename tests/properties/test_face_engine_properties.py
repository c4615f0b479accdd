"""Descriptions and programs' answers in any shape: a value or a refusal in words, never anything else."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egate.faces.engine import FivePoints, Point
from egate.faces.engines.alignment import ARCFACE_POINTS, aligned, similarity
from egate.faces.engines.onnx_description import POINT_COLUMNS, parse_onnx_description
from egate.faces.engines.program_description import parse_program_description
from egate.faces.engines.program_messages import ProgramFaces, parse_program_answer
from egate.faces.messages import Deframer
from egate.model.errors import DeviceError, MalformedData

BASE = Path("/etc/egate")
COLUMNS = ", ".join(f'"{name}"' for name in ("left", "top", "right", "bottom", "score", *POINT_COLUMNS))
ONNX = f"""
name = "acme"
licence = "contract 7"
[recogniser]
path = "r.onnx"
sha256 = "{"ab" * 32}"
side_px = 112
colours = "rgb"
layout = "nchw"
scale = 1.0
mean = 127.5
std = [128, 128, 128]
fold_quantised = true
points = "arcface"
output = "embedding"
dimension = 512
metric = "cosine"
[detector]
path = "d.onnx"
sha256 = "{"cd" * 32}"
kind = "rows"
width_px = 320
height_px = 240
colours = "bgr"
output = "faces"
units = "pixels"
least_score = 0.5
overlap = 0.3
columns = [{COLUMNS}]
"""
PROGRAM = f"""
name = "acme"
licence = "contract 7"
model = "Acme 7.1"
metric = "program"
files = [{{ path = "m.bin", sha256 = "{"ef" * 32}" }}]
[program]
path = "acme"
sha256 = "{"ab" * 32}"
arguments = ["--fast"]
environment = {{ HOME = "/tmp" }}
[limits]
answer_ms = 100
start_ms = 1000
memory_mb = 512
"""
VALUES = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.just('""'), st.just('"x"'), st.just("[]"), st.just("{}"), st.just("[[1, 2]]"),
    st.just('["a", 1]'), st.just("1979-05-27"), st.just(f'"{"z" * 300}"'),
)  # fmt: skip


def written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_whole_descriptions_are_read() -> None:
    onnx = parse_onnx_description(ONNX.encode(), BASE)
    assert onnx.detector is not None
    assert onnx.recogniser.file.path == BASE / "r.onnx"
    assert onnx.recogniser.points == ARCFACE_POINTS
    program = parse_program_description(PROGRAM.encode(), BASE)
    assert program.program.path == BASE / "acme"
    assert (program.limits.answer_s, program.limits.memory_bytes) == (0.1, 512 * 1024 * 1024)


@pytest.mark.parametrize("parse", [parse_onnx_description, parse_program_description])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_description_or_malformed(parse: Any, content: bytes) -> None:
    with suppress(MalformedData):
        parse(content, BASE)


@settings(max_examples=150)
@given(data=st.data())
def test_any_value_at_any_key_is_taken_or_refused_by_the_keys_name(data: st.DataObject) -> None:
    text, parse = data.draw(st.sampled_from([(ONNX, parse_onnx_description), (PROGRAM, parse_program_description)]))
    lines = text.splitlines()
    at = data.draw(st.sampled_from([at for at, line in enumerate(lines) if "=" in line]))
    key = lines[at].partition(" =")[0]
    lines[at] = f"{key} = {written(data.draw(VALUES))}"
    try:
        read: Any = parse("\n".join(lines).encode(), BASE)
    except MalformedData as error:
        told = error.problem
    else:
        told = f"{key} {read.model_id}"
    assert key in told or told == "no TOML"


@pytest.mark.parametrize(("text", "parse"), [(ONNX, parse_onnx_description), (PROGRAM, parse_program_description)])
def test_unknown_keys_are_refused(text: str, parse: Any) -> None:
    for line in ('colour = "red"', "[colours]"):
        with pytest.raises(MalformedData, match="is no key"):
            parse(f"{text}\n{line}".encode() if line.startswith("[") else f"{line}\n{text}".encode(), BASE)


def test_every_setting_that_changes_a_score_changes_the_identity() -> None:
    told = parse_onnx_description(ONNX.encode(), BASE).model_id
    changes = [
        ("ab" * 32, "ac" * 32), ('"rgb"', '"bgr"'), ("mean = 127.5", "mean = 127"), ("std = [128", "std = [127"),
        ("scale = 1.0", "scale = 2.0"), ("cosine", "euclid"), ("cd" * 32, "ce" * 32), ("least_score = 0.5", "least_score = 0.4"),
        ("side_px = 112", "side_px = 128"), ("dimension = 512", "dimension = 256"),
        ("fold_quantised = true", "fold_quantised = false"),
    ]  # fmt: skip
    ids = {parse_onnx_description(ONNX.replace(*change).encode(), BASE).model_id for change in changes}
    assert len(ids | {told}) == len(changes) + 1
    moved = ONNX.replace('"r.onnx"', '"elsewhere/r.onnx"')
    assert parse_onnx_description(moved.encode(), BASE).model_id == told, "a file may move"


@given(content=st.binary(max_size=200), number=st.integers(1, 5))
def test_any_bytes_are_an_answer_or_malformed(content: bytes, number: int) -> None:
    with suppress(MalformedData):
        parse_program_answer(content, number)


_SIMPLE = st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5), st.booleans(), st.none())
_ANY = st.recursive(_SIMPLE, lambda inner: st.lists(inner, max_size=16), max_leaves=16)


@settings(max_examples=60)
@given(kind=st.sampled_from(["ready", "faces", "template", "score", "refused", "other"]), rest=st.lists(_ANY, max_size=7))
def test_any_values_in_an_answer_are_taken_or_malformed(kind: str, rest: list[object]) -> None:
    with suppress(MalformedData):
        parse_program_answer(cbor2.dumps([kind, 1, *rest]), 1)


@given(rows=st.lists(st.lists(st.floats(), min_size=15, max_size=15), max_size=3))
def test_faces_are_whole_numbers_of_places_or_malformed(rows: list[list[float]]) -> None:
    try:
        answer = parse_program_answer(cbor2.dumps(["faces", 1, rows]), 1)
    except MalformedData:
        return
    assert isinstance(answer, ProgramFaces)
    for face in answer.faces:
        assert face.box.width > 0
        assert face.box.height > 0
        assert all(abs(value) <= 1e6 for value in (*face.box, *(place for point in face.points for place in point)))


@given(cuts=st.lists(st.integers(1, 9), max_size=40))
def test_answers_come_in_any_pieces(cuts: list[int]) -> None:
    bodies = [cbor2.dumps(["score", number, number / 7]) for number in (1, 2, 3)]
    stream = b"".join(struct.pack(">I", len(body)) + body for body in bodies)
    deframer, found, at = Deframer(), [], 0
    for cut in [*cuts, len(stream)]:
        found += deframer.feed(stream[at : at + cut])
        at += cut
    assert [parse_program_answer(body, number) for number, body in enumerate(found, 1)] == [
        parse_program_answer(body, number) for number, body in enumerate(bodies, 1)
    ]


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.2, 20), x=st.floats(-500, 4000), y=st.floats(-500, 4000))
def test_alignment_undoes_any_turn_scale_and_shift(angle: float, scale: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.array(ARCFACE_POINTS) @ turn.T + [x, y]
    matrix = similarity(FivePoints(*(Point(*place) for place in moved)), ARCFACE_POINTS)
    back = moved @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(back, ARCFACE_POINTS, atol=1e-6)
    assert np.linalg.det(matrix[:, :2]) > 0, "never a mirror"


@settings(max_examples=60)
@given(points=st.lists(st.tuples(st.floats(), st.floats()), min_size=5, max_size=5))
def test_any_five_points_align_or_are_refused(points: list[tuple[float, float]]) -> None:
    frame = np.zeros((20, 20, 3), np.uint8)
    with suppress(DeviceError):
        assert aligned(frame, FivePoints(*(Point(*place) for place in points)), ARCFACE_POINTS, 112).shape == (112, 112, 3)


def test_hashes_are_compared_whole(tmp_path: Path) -> None:
    from egate.faces.engines.pinned import PinnedFile, check_hash

    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    assert check_hash(PinnedFile(path, right), "load") == b"weights"
    for at in range(0, 64, 7):
        wrong = right[:at] + ("0" if right[at] != "0" else "1") + right[at + 1 :]
        with pytest.raises(DeviceError, match="has SHA-256"):
            check_hash(PinnedFile(path, wrong), "load")
