"""Train networks: for custom benchmarks, and to track the score during training (Figure 6).

`loop.train_network` trains one network from its initial weights to its last epoch. Training can be
stopped at any moment; it resumes after the last complete epoch and ends with the same numbers.
"""
