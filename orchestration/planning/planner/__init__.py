"""What became of what planners decided: the value of overrides, and the state of decisions on orders.

Belongs here: reading the published decisions and keeping both tables in the planning run. Does not: the maths
(see `hand_value.py` and `decisions.py`).
"""
