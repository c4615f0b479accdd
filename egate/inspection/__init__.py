"""The record of one inspection: what was read, judged and measured, in a form that others can read."""
