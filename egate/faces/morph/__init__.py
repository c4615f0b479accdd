"""Suspicion that a portrait shows two people's faces blended into one: experimental, decides nothing (docs/morphs.md)."""
