"""OFIQ's own table: taken by its names, refused when it is something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.faces.quality.foreign import parse_ofiq_table
from egate.model.errors import MalformedData
from egate.model.face import QualityComponent

TABLE = (
    "Filename;HeadPoseYaw;Sharpness;HeadPoseYaw.scalar;Sharpness.scalar;assessment_time_in_ms\n"
    "a.png;-3.25;17.5;100;83;812\n"
    "b.png;0.5;nan;99;-1;640\n"
)


def test_components_keep_their_names_and_what_was_not_assessed_is_left_out() -> None:
    assert parse_ofiq_table(TABLE) == {
        "a.png": (QualityComponent("HeadPoseYaw", -3.25, 100), QualityComponent("Sharpness", 17.5, 83)),
        "b.png": (QualityComponent("HeadPoseYaw", 0.5, 99),),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Filename;Sharpness\na.png;3\n",
        "Filename;Sharpness.scalar\na.png;3\n",
        TABLE.replace("83", "183"),
        TABLE.replace("83", "much"),
        TABLE.replace("17.5", "inf"),
        TABLE.replace("a.png;-3.25", "a.png"),
    ],
)
def test_another_table_is_malformed(text: str) -> None:
    with pytest.raises(MalformedData):
        parse_ofiq_table(text)


@given(st.text(max_size=200))
def test_nonsense_is_malformed_or_a_table_and_nothing_else(text: str) -> None:
    try:
        parse_ofiq_table(text)
    except MalformedData:
        return
