"""ICAO Doc 9303 and ISO 7816-4: bytes in, values out, no I/O."""
