"""Running: jobs, schedules, sensors, the demo, housekeeping.

Belongs here: when what is run. Does not: what the assets do.
"""
