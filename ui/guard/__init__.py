"""The officer's console."""
