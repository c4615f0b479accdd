"""Presentation attack detection: cues of our own over the frames of one capture, their fusion, and injection at the camera."""
