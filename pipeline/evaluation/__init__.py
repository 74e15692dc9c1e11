"""Scores of a version against references, and of versions against each other."""
