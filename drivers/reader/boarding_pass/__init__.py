"""Boarding passes: their text, how readers send it, and the reader on a serial line."""
