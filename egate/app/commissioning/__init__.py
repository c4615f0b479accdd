"""The guided self-test of one lane: steps, diagnoses in words, and the signed report. Nothing here knows Qt or a terminal."""
