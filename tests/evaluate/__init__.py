"""The evaluation of the shipped engines on the shared data: `python -m tests.evaluate`."""
