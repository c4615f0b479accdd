"""Evidence to findings, findings to a decision."""
