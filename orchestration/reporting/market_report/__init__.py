"""The report of a market: one HTML page that says who buys, what to show, fund and stock, what waits, whom to trust.

Belongs here: which published figures stand on it, and how it looks. Does not: any figure of its own.
"""
