"""Sealed envelopes to the centre and receipts back."""
