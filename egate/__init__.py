"""Automated border control, open: the controller of a biometric passenger e-gate.

The packages below this one form layers; `docs/architecture.md` draws them and pyproject.toml enforces them.
"""

__version__ = "0.1.0"
