"""The four error families.

Each error carries what we were doing when it happened. An error is raised where ignoring it would be dangerous;
what a document or a face did wrong is no error but a finding (`egate.model.checks.Check`). Errors become findings in one
place only, `egate/checks`. No message of these errors may hold personal data or keys: texts are written by us, never
copied from a document.
"""


class EgateError(Exception):
    """Base of the families: `doing` names the activity, `problem` what went wrong, both without personal data."""

    def __init__(self, doing: str, problem: str) -> None:
        super().__init__(f"{doing}: {problem}")
        self.doing = doing
        self.problem = problem


class MalformedData(EgateError):
    """Bytes from outside do not have the form their standard gives them."""


class ChipError(EgateError):
    """The chip refused, broke a protocol, or was lost; `sw` is its status word where it sent one."""

    def __init__(self, doing: str, problem: str, sw: int | None = None) -> None:
        super().__init__(doing, problem if sw is None else f"{problem} (status word {sw:04X})")
        self.sw = sw


class ChipLost(ChipError):
    """The document left the reader while we talked to its chip."""


class DeviceError(EgateError):
    """A device or its link does not do what it must: absent, in use, silent, wrong identity, wrong key."""


class TrustError(EgateError):
    """A signature, certificate or key does not hold, so what it covers may not be used."""
