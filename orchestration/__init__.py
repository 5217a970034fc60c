"""Tradewind's own code: from a seller's files to audited tables and forecasts.

Belongs here: one package per subject; each says what is its own.
Does not: SQL (see dbt_project/), promises about a batch (see expectations/).
"""
