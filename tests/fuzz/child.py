"""One target under atheris: the project's modules are instrumented while they are imported."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["egate", "drivers"]):
    from tests.fuzz.targets import targets


def main() -> None:
    """Fuzz the target that the first argument names; the rest is the fuzzer's."""
    target = targets()[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target.try_on)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
