"""The trace: from any number in hand to its order, its documents with file and row, and every figure that used them.

Belongs here: finding, reading and showing one order's chain. Does not: how the tables come about (see dbt_project/).
`python -m orchestration.trace NUMBER` answers in less than a second, so nothing here imports Dagster, dbt or PyIceberg
until it is needed: opening the files of a dozen tables is the work, and all else is kept away from it.
"""
