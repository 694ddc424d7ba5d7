"""What `tools/bench.py` and `tools/bench_scaling.py` are made of."""
