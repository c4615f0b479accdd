"""A gallery at rest opens with its key, for its engine, whole and unchanged; anything else is refused."""

from __future__ import annotations

import random
import stat
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from egate.faces.search import sealed as module
from egate.faces.search.gallery import Entry, Gallery, GalleryLabel
from egate.faces.search.sealed import MAGIC, open_gallery, write_gallery
from egate.model.errors import DeviceError, EgateError, MalformedData, TrustError
from tests.unit.faces.search.vectors import MODEL, gallery_of, people

KEY = bytes(range(32))


def entropy(count: int) -> bytes:
    return random.Random(7).randbytes(count)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sealed gallery of 10 people in blocks of 4."""
    monkeypatch.setattr(module, "BLOCK_ROWS", 4)
    gallery = Gallery(GalleryLabel("wanted-faces", MODEL, 8, version=3))
    ends = [date(2027, 1, day) if day % 2 else None for day in range(1, 11)]
    gallery.add([Entry(f"p{number}", end) for number, end in enumerate(ends)], people(10, 8, 1))
    write_gallery(tmp_path / "faces.gallery", gallery, KEY, entropy)
    return tmp_path / "faces.gallery"


def test_it_comes_back_as_it_was(path: Path) -> None:
    opened = open_gallery(path, KEY, MODEL, known_version=3)
    assert opened.label == GalleryLabel("wanted-faces", MODEL, 8, version=3)
    assert [entry.entry for entry in opened.entries] == [f"p{number}" for number in range(10)]
    assert opened.entries[0].expires_on == date(2027, 1, 1)
    assert opened.entries[1].expires_on is None
    assert np.array_equal(opened.rows, people(10, 8, 1).astype(np.float32))


def test_the_file_is_private_and_tells_no_template_and_no_name(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert b"p3" not in data
    assert not any(row.tobytes()[:8] in data for row in people(10, 8, 1).astype(np.float32))
    assert list(path.parent.iterdir()) == [path], "no draft stays"


def test_two_writings_share_no_block(path: Path) -> None:
    first = path.read_bytes()
    write_gallery(path, open_gallery(path, KEY, MODEL), KEY, random.Random(8).randbytes)
    assert first[200:] != path.read_bytes()[200:]
    assert len(open_gallery(path, KEY, MODEL)) == 10


def test_another_key_opens_nothing(path: Path) -> None:
    with pytest.raises(TrustError, match="key"):
        open_gallery(path, bytes(32), MODEL)
    with pytest.raises(TrustError, match="32 bytes"):
        open_gallery(path, KEY[:16], MODEL)


def test_another_engine_is_refused(path: Path) -> None:
    with pytest.raises(TrustError, match=r"of sface-00000000, the engine is sface-11111111"):
        open_gallery(path, KEY, "sface-11111111")


def test_an_older_version_than_was_used_is_refused(path: Path) -> None:
    with pytest.raises(TrustError, match="older"):
        open_gallery(path, KEY, MODEL, known_version=4)


def test_any_changed_byte_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(EgateError):
            open_gallery(path, KEY, MODEL)


def test_any_cut_and_any_tail_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(EgateError):
            open_gallery(path, KEY, MODEL)
    path.write_bytes(data + b"\0")
    with pytest.raises(TrustError, match="follows"):
        open_gallery(path, KEY, MODEL)


def blocks_of(data: bytes) -> tuple[bytes, list[bytes]]:
    start = len(MAGIC) + 4 + int.from_bytes(data[8:12], "big")
    blocks, at = [], start
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        blocks.append(data[at:end])
        at = end
    return data[:start], blocks


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 1), (0, 2), (0, 0, 2), (0, 1, 2, 2)])
def test_blocks_stay_in_their_places(path: Path, order: tuple[int, ...]) -> None:
    head, blocks = blocks_of(path.read_bytes())
    assert len(blocks) == 3
    path.write_bytes(head + b"".join(blocks[number] for number in order))
    with pytest.raises(EgateError):
        open_gallery(path, KEY, MODEL)


def test_a_block_of_another_file_does_not_fit(path: Path) -> None:
    head, blocks = blocks_of(path.read_bytes())
    write_gallery(path, open_gallery(path, KEY, MODEL), KEY, random.Random(9).randbytes)
    _, others = blocks_of(path.read_bytes())
    path.write_bytes(head + blocks[0] + others[1] + blocks[2])
    with pytest.raises(TrustError):
        open_gallery(path, KEY, MODEL)


def test_an_empty_gallery_is_sealed_too(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    write_gallery(path, Gallery(GalleryLabel("nobody", MODEL, 8)), KEY, entropy)
    assert len(open_gallery(path, KEY, MODEL)) == 0
    with pytest.raises(TrustError):
        open_gallery(path, bytes(32), MODEL)


@pytest.mark.parametrize("data", [b"", b"EGFACES1", b"EGFACES0" + bytes(60), MAGIC + b"\xff\xff\xff\xff", b"{}" * 40])
def test_what_is_no_gallery_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises((MalformedData, TrustError)):
        open_gallery(tmp_path / "x", KEY, MODEL)


def test_random_bytes_after_the_magic_are_refused(tmp_path: Path) -> None:
    chance = random.Random(20)
    for _ in range(300):
        body = chance.randbytes(chance.randrange(200))
        (tmp_path / "x").write_bytes(MAGIC + len(body).to_bytes(4, "big") + body + chance.randbytes(chance.randrange(50)))
        with pytest.raises(EgateError):
            open_gallery(tmp_path / "x", KEY, MODEL)


def test_an_absent_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="No such file"):
        open_gallery(tmp_path / "none", KEY, MODEL)
    with pytest.raises(DeviceError, match="No such file"):
        write_gallery(tmp_path / "none" / "x", gallery_of(people(1, 8, 1)), KEY, entropy)


def test_a_writing_that_fails_keeps_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("egate.faces.search.sealed.os.fsync", full)
    with pytest.raises(DeviceError, match="No space"):
        write_gallery(path, gallery_of(people(2, 8, 1)), KEY, entropy)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
