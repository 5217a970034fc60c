"""The formats of the trade world: canonical tables become the files that shops, ports, carriers and banks really send.

Belongs here: file names, dialects, messages and archives. Does not: what the tables say (see `world/`, `documents/`)
and what is wrong in them (`defects/`). Nothing is dropped: whatever the format, the same records arrive.

Start with `write_tables` in `writing.py`.
"""
