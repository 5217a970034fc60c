"""Reporting: pictures of how operations go, from published tables alone.

Belongs here: what is read for them, drawing, the asset that shows them. Does not: the figures (mart market_kpi).
"""
