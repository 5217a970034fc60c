"""Arrival times: when open shipments arrive and clear, how likely they are late, and lead times of lanes."""
