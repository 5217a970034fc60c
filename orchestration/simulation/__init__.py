"""Simulation: sample files that look like the real ones, so that the platform can be tried without any.

Belongs here: drawing a small trade world, and writing it down in the dialects of three systems, defects included.
Does not: reading such files (see `arrivals/`). Nothing here knows how its files are mapped, judged or modelled.

Start with `write_sample` in `sample.py`; `defects.py` lists what is wrong on purpose.
"""
