"""Inspecting one document at a desk: where its printed data come from, reading it, judging it, showing it, keeping its record."""
