"""Weights that were changed count for nothing; a score is a share in fine steps; no measure is skipped."""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources

import numpy as np
import pytest

from egate.faces.pad.fusion import LEARNED_SHA256, LIMIT_SCORE, learned_fusion, parse_fusion, share
from egate.faces.pad.learning import Labelled, Part, learn, limit_for, log_odds, logistic, part_of
from egate.faces.pad.measures import NAMES
from egate.model.errors import MalformedData, TrustError

CONTENT = resources.files("egate.faces.pad.learned").joinpath("fusion.json").read_bytes()


def means() -> tuple[tuple[str, float], ...]:
    fusion = learned_fusion()
    return tuple((name, mean) for model in fusion.cues for name, mean in zip(model.names, model.means, strict=True))


def test_the_published_weights_load_and_say_what_they_were_learned_on() -> None:
    table = json.loads(CONTENT)
    assert table["simulated"] is True
    assert table["data"]
    assert table["made_on"] in learned_fusion().identity
    assert all(table["split"][part.value] > 0 for part in Part)


def test_weights_or_a_limit_that_were_changed_are_refused() -> None:
    table = json.loads(CONTENT)
    table["limit"] += 0.5
    for content in (CONTENT + b" ", json.dumps(table).encode(), b""):
        with pytest.raises(TrustError):
            parse_fusion(content, LEARNED_SHA256)


@pytest.mark.parametrize(
    "change",
    [
        {"limit": None},
        {"limit": float("nan")},
        {"limit": True},
        {"weights": []},
        {"cues": []},
        {"cues": 3},
        {"constant": "1"},
    ],
)
def test_what_is_no_model_is_malformed(change: dict[str, object]) -> None:
    content = json.dumps(json.loads(CONTENT) | change).encode()
    with pytest.raises(MalformedData):
        parse_fusion(content, hashlib.sha256(content).hexdigest())


def test_a_score_is_a_share_in_fine_steps() -> None:
    """PAD-FI-APP: 0 to 1 in at least ten steps."""
    shares = {share(odds / 10) for odds in range(-200, 201)}
    assert min(shares) >= 0
    assert max(shares) <= 1
    assert len(shares) > 100
    assert share(0.0) == LIMIT_SCORE
    assert share(1e9) == 1.0
    assert share(-1e9) == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measure_that_is_no_number_gives_no_score(value: float) -> None:
    row = list(means())
    row[3] = (row[3][0], value)
    with pytest.raises(MalformedData):
        learned_fusion().judge(tuple(row))


def test_a_missing_or_strange_measure_gives_no_score() -> None:
    row = means()
    for wrong in (row[1:], (("no.measure", 0.0), *row[1:]), ()):
        with pytest.raises(MalformedData):
            learned_fusion().judge(wrong)


def test_no_single_measure_decides() -> None:
    """The most that one measure can say is capped, however far off it is."""
    fusion, row = learned_fusion(), dict(means())
    for name in NAMES:
        far, farther = ({**row, name: row[name] + factor} for factor in (1e6, 1e9))
        assert fusion.judge(tuple(far.items())) == fusion.judge(tuple(farther.items()))


def test_every_person_has_one_part() -> None:
    parts = [part_of(f"{number:03}") for number in range(2000)]
    shares = [parts.count(part) / 2000 for part in Part]
    assert shares == pytest.approx([0.45, 0.20, 0.35], abs=0.04)
    assert parts == [part_of(f"{number:03}") for number in range(2000)]


def test_learning_finds_what_tells_two_kinds_apart() -> None:
    random = np.random.default_rng(5)
    inputs = random.normal(size=(400, 3))
    labels = (inputs[:, 1] + 0.2 * random.normal(size=400) > 0).astype(float)
    weights, _ = logistic(inputs, labels, 1.0)
    assert int(np.abs(weights).argmax()) == 1
    assert weights[1] > 3
    held, _ = logistic(inputs, 1 - labels, 1.0, least=0.0)
    assert held[1] == 0.0


def test_the_limit_comes_from_people_who_taught_nothing() -> None:
    random = np.random.default_rng(6)
    base = dict(means())
    rows = []
    for number in range(300):
        for attack in (False, True):
            shift = random.normal(1.5 if attack else -1.5, 0.5)
            rows.append(Labelled(f"{number:03}", attack, tuple((name, value + shift) for name, value in base.items())))
    fusion = learn(rows)
    limit_rows = [row for row in rows if part_of(row.identity) is Part.LIMIT]
    assert fusion.limit == limit_for(fusion, limit_rows)
    reported = [row for row in rows if part_of(row.identity) is Part.REPORT]
    beyond = log_odds(fusion, reported) >= fusion.limit
    attacks = np.array([row.attack for row in reported])
    assert beyond[attacks].mean() > 0.97
    assert beyond[~attacks].mean() < 0.03
