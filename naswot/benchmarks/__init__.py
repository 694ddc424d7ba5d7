"""Benchmarks: accuracies of trained architectures, read from each official format into one table.

`naswot.benchmarks.table` describes this table.
"""
