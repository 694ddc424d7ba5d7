"""Benchmarks: what architectures scored when they were trained, as one kind of table."""
