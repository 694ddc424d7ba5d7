"""Figures: one function each. They draw tables and compute nothing."""
