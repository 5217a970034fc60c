"""Benchmarks: what was promised in figures, measured by one command each.

Belongs here: measurements of the platform, side by side with what it is compared to. Does not: tests of behaviour.
`python -m benchmarks.pipeline` prints a table; `--json` one line per metric; `--only NAME` one metric.
"""
