"""A simulated State and the chips it issues."""
