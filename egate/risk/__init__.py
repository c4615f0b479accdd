"""Risk indicators and random selection."""
