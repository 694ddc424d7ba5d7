"""Shared code of `tools/bench.py` and `tools/bench_scaling.py`."""
