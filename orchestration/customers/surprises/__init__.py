"""Surprises: who buys a category oftener or less often than is to be expected of them.

Belongs here: cells, their tests, words. Does not: reading and writing (see `orchestration/customers/night.py`).
"""
