"""Tests: unit, vectors, properties, peers, stories, bench, tidy."""
