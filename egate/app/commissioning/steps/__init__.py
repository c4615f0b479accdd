"""The steps of the self-test, by what they look at: the machine, ports, a line, the gate unit, its doors, readers and camera."""
