"""Stock as assets: order suggestions, transfers, assortment, and the proof of the policy.

Belongs here: the assets' shell. Does not: any maths (see the modules of orchestration/planning).
"""
