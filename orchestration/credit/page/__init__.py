"""The seller's page: score, limit, reasons, what changed, and the source rows behind it, as one HTML file.

Belongs here: what the page shows and how. Does not: the figures, which are read as they are published.
"""
