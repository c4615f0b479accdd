"""The twin: whole shifts of the shipping lane on a virtual clock, with simulated people, devices and faults, from one seed."""
