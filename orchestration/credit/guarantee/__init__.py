"""The buyers' guarantee 你敢用我敢赔: what is covered, at which price, with which reserve, and what became of claims.

Belongs here: offers, reserve, simulation, the life of claims. Does not: scores and limits.

A guarantee pays a share of an order's value when the buyer is owed money and the seller does not pay: a dispute that
the buyer has won or settled, goods that never came, a return without a refund.
"""
