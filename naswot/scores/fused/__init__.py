"""The fast path of the naswot score: ReLU codes and their sums in one pass over memory."""
