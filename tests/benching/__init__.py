"""What `tests/bench.py` and `tests/bench_scaling.py` are made of."""
