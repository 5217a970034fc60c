"""The commerce side of the trade world: markets, sellers, products, demand, orders, sessions, media, stock and rates.

Belongs here: what is true before any document is written, and the tables that shops, ports, warehouses and advertisers
keep of it. Does not: the documents that follow an order (see `documents/`), their formats (`formats/`) and what is
wrong in them (`defects/`).

Start with `build_world` in `building.py`, `generate_reference` and `generate_commerce` in `generate.py`.
"""
