"""How often the lane's own comparisons err, counted while it works (TR-03121-3 EVA-VER-nCIR-1)."""
