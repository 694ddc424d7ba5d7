"""The fast path of the naswot score: activations, ReLU codes and sums in fused passes over memory.

`naswot.scores.codes` alone chooses it. Without this package scores are the same in float32, and
take longer.
"""
