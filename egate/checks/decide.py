"""From checks to a decision: admit or refer, and because of which checks.

Rule: a lane never refuses anybody, and what is not known to be good is referred. A check that counts and is failed, aborted,
undetermined or missing refers (P5: an aborted check is no result; P6: no silent retry).

| run mode              | missing | not supported | successful | undetermined, aborted, failed |
|-----------------------|---------|---------------|------------|-------------------------------|
| mandatory             | refer   | refer         | –          | refer                         |
| conditionally ignored | refer   | –             | –          | refer                         |
| optional              | –       | –             | –          | refer                         |
| evaluatory            | –       | –             | –          | –                             |
"""

from __future__ import annotations

from collections.abc import Iterable

from egate.checks.catalogue import NOT_PERFORMED, finding
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome, Profile, RunMode

_ACCEPTED = {
    RunMode.MANDATORY: frozenset({CheckResult.SUCCESSFUL}),
    RunMode.CONDITIONALLY_IGNORED: frozenset({CheckResult.SUCCESSFUL, CheckResult.NOT_SUPPORTED}),
    RunMode.OPTIONAL: frozenset({CheckResult.SUCCESSFUL, CheckResult.NOT_SUPPORTED}),
    RunMode.EVALUATORY: frozenset(CheckResult),
}
"""The results that do not refer."""

_MAY_BE_MISSING = frozenset({RunMode.OPTIONAL, RunMode.EVALUATORY})

_PASSED_AT = {
    DecisionPoint.ENTRY: frozenset({DecisionPoint.ENTRY}),
    DecisionPoint.EXIT: frozenset({DecisionPoint.ENTRY, DecisionPoint.EXIT}),
}
"""The points whose checks count at a point: its own and all earlier ones."""


def decide(checks: Iterable[Check], profile: Profile, point: DecisionPoint) -> Decision:
    """The decision at a door. `because` names every check that refers, the worst first.

    1. the worst finding of each check; 2. the rules that count at this point; 3. what each of them has against admitting;
    4. no objection admits, unless no rule could have objected at all.
    """
    worst: dict[CheckName, Check] = {}
    for check in checks:
        if check.name not in worst or check.result > worst[check.name].result:
            worst[check.name] = check
    counting = [name for name, rule in profile.rules.items() if rule.at in _PASSED_AT[point]]
    objections = [_objection(profile.rules[name].mode, name, worst.get(name)) for name in counting]
    because = [objection for objection in objections if objection is not None]
    if all(profile.rules[name].mode in _MAY_BE_MISSING for name in counting):
        because.append(finding(CheckName.LANE_HEALTH, "no_rule_applies"))
    because.sort(key=lambda check: -check.result)
    return Decision(Outcome.REFER if because else Outcome.ADMIT, point, tuple(because))


def _objection(mode: RunMode, name: CheckName, check: Check | None) -> Check | None:
    if check is None:
        return None if mode in _MAY_BE_MISSING else finding(name, NOT_PERFORMED)
    return None if check.result in _ACCEPTED[mode] else check
