"""Audiences: whom a segment or a list of recommendations may be sent to, as a file, with a log of every export.

Belongs here: consent, the file, the log. Does not: segments and recommendations, which are read as published.
"""
