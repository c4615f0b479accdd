"""Registered travellers: procedure, quality gate, consent, sealed keeping (no Qt)."""
