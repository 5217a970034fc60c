"""Modeling: dbt by layer, and the one translator that names every asset.

Belongs here: how dbt is called, what its models are called in Dagster, the structure rules over its manifest.
Does not: SQL (see dbt_project/), promises about a batch (see expectations/).
"""
