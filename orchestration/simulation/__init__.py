"""Simulation: a trade world with known truth, in the files that its shops, carriers, customs and banks would send.

Belongs here: the world (`world/`), what follows from its orders (`documents/`), what is wrong with its records
(`defects/`), the formats of its files (`formats/`), and how well the platform has cleaned them (the scorecard).
Does not: reading such files (see `arrivals/`). The platform never reads the truth; only the scorecard does.
"""
