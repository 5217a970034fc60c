"""Promises: what a batch must satisfy at each border of the platform, as Great Expectations suites.

Belongs here: suites, by subject, and the words of each promise. Does not: which table they guard and what happens when
one is broken (see orchestration/gates), the structure of a single model (dbt tests), the quality of a fitted model.
A row that breaks a rule is quarantined in staging; what stands here is what must hold for the batch as a whole.
"""
