"""Demand forecasts: weekly units per market and per market and product, with bands and a back-test.

Belongs here: the maths, on data frames. Does not: assets, jobs, reading and writing of tables. Nothing here imports
Dagster, and importing this package loads neither statsmodels nor matplotlib: together they take seconds.
"""
