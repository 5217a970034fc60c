"""What is wrong in the world on purpose: the forty defects, where they were put, and how well they were found.

Belongs here: the catalogue, the injectors, their truth rows, and the scoring of a cleaning against them. Does not: the
repairs and verdicts themselves (staging judges, and never reads the truth), nor how files are written (`formats/`).

Start with `inject` in `inject.py`, `damage_files` in `files.py` and `score` in `scoring.py`; `catalogue.py` lists the
defects with the rules that notice them.
"""
