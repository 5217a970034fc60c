"""Portraits: what is known of each customer, and of groups of them that are large enough to be told.

Belongs here: reading attributes, groups with their suppression, rows of portraits. Does not: value and segments.
"""
