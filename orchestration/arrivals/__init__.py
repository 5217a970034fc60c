"""Arrivals: files come in unchanged, and each of their rows stands in raw with its origin and its canonical keys.

Belongs here: contracts of feeds, mappings of sources, readers of formats, refusals, and the place of each document.
Does not: typing, deduplication and quarantine (staging in dbt) and where tables live (`orchestration.lake`).

Start with `arrive` in `intake.py`; `docs/bring-a-source.md` tells users how to write a mapping.
"""
