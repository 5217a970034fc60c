"""Declaration risk: how likely a declaration is false in value, origin or code, learnt from inspected ones.

Belongs here: what is read of a declaration, the model, how it is judged. Does not: the score of a seller, into which
this signal does not enter.
"""
