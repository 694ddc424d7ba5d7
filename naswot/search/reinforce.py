"""REINFORCE (Williams 1992) with a probability for every choice of every gene.

As Dong et al. run it on NATS-Bench (TPAMI 2021): an architecture is drawn, a choice for each gene
by itself; its accuracy in percent, less a moving average of all so far, moves the logits by
Adam. The best architecture evaluated is what the search found.
"""

import numpy as np

from naswot.search.combinations import Combinations
from naswot.search.simulation import Settings, Simulation

MOMENTUM = 0.9  # of the moving average
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's


def reinforce(simulation: Simulation, settings: Settings) -> None:
    """Draw from a policy and improve it until the budget is spent; it starts uniform."""
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
        numbers: (runs, G) in [0, 1).
        choices: (G,) how many choices each gene has.
    """
    passed = policy.cumsum(axis=2) <= numbers[:, :, None]
    return np.minimum(passed.sum(axis=2), choices - 1)  # sums may end a little below 1
