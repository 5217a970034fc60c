"""What a ledger must say of a simulated world: worked out from the world's own records, without the platform.

Belongs here: which documents were delivered and stand, and from them the state of each line as of any day, the sums of
each payout and the expected verdicts. Does not: the platform's tables, its SQL and its staging, none of which is read.
"""
