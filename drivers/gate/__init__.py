"""Gate units: doors, locks, sensors."""
