"""Segments by readable rules, clusters of taste, how stable both are, and who moved from one to another."""
