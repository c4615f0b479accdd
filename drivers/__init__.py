"""Devices of a lane. The table of drivers by name is here."""
