"""Matching travellers against lists of documents and persons, offline."""
