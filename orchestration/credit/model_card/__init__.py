"""The model card: what a version of the scorecard is, how it was judged, who approved it, where it must not be used.

Belongs here: reading what was published of a version, its pictures, the page. Does not: training and judging (see
`credit/training.py`), the maths of figures (see `scorecard/`).
"""
