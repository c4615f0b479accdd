"""The record of one inspection: what was read, found and decided, kept as the logging profile says, exported, read back."""
