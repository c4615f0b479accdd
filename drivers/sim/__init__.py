"""The far end of each wire, for the demo and the tests: chip, readers, gate unit, camera scenes."""
