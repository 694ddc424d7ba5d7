"""Training networks: for benchmarks of one's own, and to see how the score evolves (Figure 6).

`loop.train_network` trains one network from its first weights to its last epoch. It can be stopped
at any moment and goes on from its last whole epoch to the very same numbers.
"""
