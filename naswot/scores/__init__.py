"""Scores of untrained networks. They take any `torch.nn.Module` and a mini-batch."""

from naswot.scores.naswot import Score, score

SCORES = {"naswot": score}

__all__ = ["SCORES", "Score", "score"]
