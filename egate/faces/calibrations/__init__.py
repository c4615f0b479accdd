"""Shipped calibrations, one JSON file an engine: what a score means, on which data, and what that does not show."""
