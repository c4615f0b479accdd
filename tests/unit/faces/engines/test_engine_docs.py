"""The page about engines shows descriptions that are read as they stand, and names every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from egate.faces.engines.onnx_description import parse_onnx_description
from egate.faces.engines.program_description import parse_program_description
from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, YUNET
from egate.weights import WeightFile

PAGE = (Path(__file__).parents[4] / "docs" / "face-engines.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_three_descriptions() -> None:
    assert len(BLOCKS) == 3


@pytest.mark.parametrize("block", BLOCKS[:2])
def test_the_onnx_pages_are_read_as_they_stand(block: str) -> None:
    description = parse_onnx_description(block.encode(), Path("/etc/egate/faces"))
    assert description.recogniser.dimension == 512
    assert (description.detector is not None) == ("[detector]" in block)


def test_the_programs_page_is_read_as_it_stands() -> None:
    description = parse_program_description(BLOCKS[2].encode(), Path("/etc/egate/faces"))
    assert description.limits.answer_s == 0.5
    assert description.files[0].path == Path("/opt/acme/model.bin")


@pytest.mark.parametrize("source", ["onnx_description", "program_description", "calibrated", "pinned"])
def test_every_key_is_told(source: str) -> None:
    code = (Path(__file__).parents[4] / "egate" / "faces" / "engines" / f"{source}.py").read_text()
    keys = re.findall(r"(?:fields|self)\.(?:text|name|choice|whole|real|reals|digits|take|has)\(\s*\"(\w+)\"", code)
    assert keys
    assert [key for key in keys if not re.search(rf"\b{key}\b", PAGE)] == []


@pytest.mark.parametrize("weights", [SFACE, YUNET, DLIB_RESNET, DLIB_FIVE_POINTS])
def test_the_licences_of_all_weights_stand_beside_their_hash(weights: WeightFile) -> None:
    assert f"{weights.sha256[:8]}… |" in PAGE
