"""Compute the reported numbers from scores and searches."""
