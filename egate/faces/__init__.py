"""Faces: engines behind one port, quality, capture, comparison, the worker."""
