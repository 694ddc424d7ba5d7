"""REINFORCE (Williams 1992) with a probability for every choice of every gene.

It follows Dong et al. on NATS-Bench (TPAMI 2021). The policy draws the choice of each gene
independently. The advantage is the accuracy in percent minus a moving average of all accuracies
so far; Adam updates the logits. The result of the search is the best architecture evaluated.
"""

import numpy as np

from naswot.search.combinations import Combinations
from naswot.search.simulation import Settings, Simulation

MOMENTUM = 0.9  # of the moving average of the accuracies
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


def reinforce(simulation: Simulation, settings: Settings) -> None:
    """Draw from a policy, uniform at first, and improve it until the budget is spent."""
    space = Combinations(simulation.genes)
    possible = np.arange(space.choices.max()) < space.choices[:, None]  # (G, C)
    shape = (simulation.runs, *possible.shape)
    logits, mean, square = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    total, weight, step = np.zeros(simulation.runs), 0.0, 0
    while simulation.running.any():
        policy = np.where(possible, np.exp(logits - logits.max(axis=2, keepdims=True)), 0.0)
        policy /= policy.sum(axis=2, keepdims=True)
        genes = draw(policy, simulation.draws.uniform(len(possible)), space.choices)
        picks, reward = simulation.evaluate(space.find(genes))
        reward = np.where(np.isnan(reward), 0.0, reward)  # of runs that have ended

        step += 1
        total = MOMENTUM * total + (1 - MOMENTUM) * reward
        weight = MOMENTUM * weight + (1 - MOMENTUM)
        advantage = (reward - total / weight)[:, None, None]
        chosen = np.arange(shape[2]) == simulation.genes[picks][:, :, None]
        gradient = advantage * (policy - chosen)  # of the loss, −advantage · ln p
        mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
        square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
        rate = settings.learning_rate / (1 - BETAS[0] ** step)
        logits -= rate * mean / (np.sqrt(square / (1 - BETAS[1] ** step)) + EPSILON)


def draw(policy: np.ndarray, numbers: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Return a choice for each gene, (runs, G).

    Args:
        policy: (runs, G, C) probabilities.
        numbers: (runs, G) random numbers in [0, 1).
        choices: (G,) number of choices of each gene.
    """
    passed = policy.cumsum(axis=2) <= numbers[:, :, None]
    return np.minimum(passed.sum(axis=2), choices - 1)  # rounded sums may end just below 1
