"""Gates: nothing passes with a broken promise.

Turns an expectation suite into a check that stops a bad batch, market by market.
Belongs here: verdicts, what is measured for each suite, wiring to assets. Does not: the promises (see expectations/).
"""
