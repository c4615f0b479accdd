"""Keys, ciphers and curves of the chip protocols; what `cryptography` lacks is here."""
