"""Scorecards: bins, weights of evidence, points, reasons, and how well they order and predict.

Belongs here: mathematics on frames, for any data with a good and a bad outcome. Does not: which facts of sellers are
asked (see `credit/characteristics.py`), tables, jobs, limits.

    card = fit_scorecard(frame, is_bad, characteristics)        (fitting.py)
    card.score(frame)      score, probability, grade, is_thin   (card.py)
    card.points(frame)     points per characteristic; their sum and the base points are the score
    card.reasons(frame)    the largest shortfalls from the most points, as codes and in words (en, zh)
    card.table()           one row per bin
    card.to_json(), Scorecard.from_json(text)                   exact both ways
"""
