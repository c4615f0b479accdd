"""The report as a page: plots as SVG, tables, no script, no picture of anybody."""
