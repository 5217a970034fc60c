"""Capacity: the load of warehouses and servers in the next days, against what they can bear."""
