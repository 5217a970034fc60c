"""Demand forecasts: weekly units per market and per market and product, with bands and a back-test.

Belongs here: the maths, on data frames, and its wiring in `assets.py`. Apart from that module and `tables.py` nothing
here imports Dagster, and importing the maths loads neither statsmodels nor matplotlib: together they take seconds.
"""
