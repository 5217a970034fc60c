"""What follows an order in the trade world: payments, waybills, customs, money, rebates, cases and credit.

Belongs here: the documents of a market-month, the money of a month, and what is true of them. Does not: orders and
entities (see `world/`), formats (`formats/`) and what is wrong in messages (`defects/`).

Start with `generate_documents` and `generate_month_end` in `generate.py`.
"""
