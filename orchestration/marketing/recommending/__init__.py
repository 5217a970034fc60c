"""Recommendations: what a customer, a visitor or a page is shown, and how well the same rule would have done before.

Belongs here: models of taste, their choice on a validation period, filters, tables. Does not: who may be written to
about it (audiences).
"""
