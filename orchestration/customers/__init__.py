"""Customers of a market: what they are worth, how they come back, which segments they belong to.

Belongs here: purchases by customer, models of value, retention, segments. Does not: what is shown to whom (marketing).
"""
