"""The demo: a story, a world at the far end of the wires, and the processes of a lane in between."""
