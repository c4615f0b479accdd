"""Suspicion that a portrait shows two people's faces blended into one: experimental, for the officer, decides nothing."""
