"""BOHB: Hyperband's brackets, filled by a model of good and bad architectures.

Falkner, Klein & Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML
2018, with the settings of Dong et al. on NATS-Bench: 4 samples per proposal, none purely random.
Where a table has only one length of training, each bracket is one full training and the model
alone guides the search. The authors' package hpbandster is not used: its last release is of 2018,
and it proposes one configuration of one run at a time, through a name server. One thing differs
from it: a bandwidth is at most (c − 1)/c for c choices, where the kernel is flat, so that no
density is negative.
"""

from collections.abc import Sequence

import numpy as np

from naswot.search.combinations import Combinations
from naswot.search.simulation import Settings, Simulation

ETA = 3  # each rung keeps 1 of 3 architectures and trains them 3 times as long
SAMPLES = 4  # candidates that the model draws for one proposal
GOOD_PERCENT = 15  # the top 15 % of evaluations form the good density
MINIMUM_BANDWIDTH = 0.3
TINY = 1e-32


def bohb(simulation: Simulation, settings: Settings) -> None:
    """Play bracket after bracket until the budget is spent."""
    space = Combinations(simulation.genes)
    # The evaluations on each rung, (runs, evaluations, G) and (runs, evaluations).
    genes = [np.empty((simulation.runs, 0, len(space.choices)), np.int32)] * simulation.rungs
    values = [np.empty((simulation.runs, 0))] * simulation.rungs

    def evaluate(picks: np.ndarray, rung: int) -> tuple[np.ndarray, np.ndarray]:
        picks, found = simulation.evaluate(picks, rung)
        genes[rung] = np.append(genes[rung], simulation.genes[picks][:, None], axis=1)
        values[rung] = np.append(values[rung], found[:, None], axis=1)
        return picks, found

    bracket = 0
    while simulation.running.any():
        lowest = bracket % simulation.rungs
        bracket += 1
        sizes = bracket_sizes(simulation.rungs - lowest, simulation.rungs)
        entered = [
            evaluate(space.find(propose(simulation, space, genes, values)), lowest)
            for _ in range(sizes[0])
        ]
        for rung, size in enumerate(sizes[1:], lowest + 1):
            picks, found = (np.stack(arrays, axis=1) for arrays in zip(*entered, strict=True))
            best = np.argsort(-found, axis=1, kind="stable")[:, :size]
            promoted = np.take_along_axis(picks, best, axis=1)
            entered = [evaluate(promoted[:, column], rung) for column in range(size)]


def bracket_sizes(rungs: int, most: int) -> list[int]:
    """Return how many architectures a bracket trains on each of its `rungs`, lowest rung first.

    `most` is the number of rungs of the largest bracket.
    """
    first = most // rungs * ETA ** (rungs - 1)
    return [max(first // ETA**rung, 1) for rung in range(rungs)]


def propose(
    simulation: Simulation,
    space: Combinations,
    genes: Sequence[np.ndarray],
    values: Sequence[np.ndarray],
) -> np.ndarray:
    """Return (runs, G) genes from the model of the highest rung with enough evaluations for one.

    Where no rung has enough, the genes are random.
    """
    number = len(space.choices)
    for rung in reversed(range(simulation.rungs)):
        count = values[rung].shape[1]
        good = max(number + 1, GOOD_PERCENT * count // 100)
        if count - good > number:
            order = np.argsort(-values[rung], axis=1, kind="stable")[:, :, None]
            return likeliest(
                simulation,
                space,
                np.take_along_axis(genes[rung], order[:, :good], axis=1),
                np.take_along_axis(genes[rung], order[:, good:], axis=1),
            )
    return simulation.draws.below(space.choices, number)


def likeliest(
    simulation: Simulation, space: Combinations, good: np.ndarray, bad: np.ndarray
) -> np.ndarray:
    """Draw samples from the good density; return the one with the highest ratio good to bad.

    Args:
        simulation: the runs.
        space: the choices of each gene.
        good, bad: (runs, points, G) genes of good and bad architectures.

    Returns:
        (runs, G) genes.
    """
    number = len(space.choices)
    widths, others = (bandwidths(points, space.choices) for points in (good, bad))
    # A sample is a random good point with some of its genes drawn again.
    numbers = simulation.draws.uniform(SAMPLES * (1 + 2 * number))
    numbers = numbers.reshape(simulation.runs, SAMPLES, 1 + 2 * number)
    start = (numbers[:, :, 0] * good.shape[1]).astype(np.int64)
    kept = numbers[:, :, 1 : 1 + number] < 1 - widths[:, None]
    anew = (numbers[:, :, 1 + number :] * space.choices).astype(np.int64)
    samples = np.where(kept, good[simulation.rows[:, None], start], anew)
    ratio = np.maximum(density(samples, bad, others, space.choices), TINY) / np.maximum(
        density(samples, good, widths, space.choices), TINY
    )
    # Rounded, so that equally likely samples tie on every machine; the first of them wins.
    return samples[simulation.rows, np.log(ratio).round(9).argmin(axis=1)]


def bandwidths(points: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Return bandwidths by the normal reference rule, clipped to their limits: (runs, G)."""
    count, number = points.shape[1:]
    reference = 1.06 * points.std(axis=1) * count ** (-1 / (4 + number))
    return np.clip(reference, MINIMUM_BANDWIDTH, np.maximum((choices - 1) / choices, 0))


def density(
    samples: np.ndarray, points: np.ndarray, widths: np.ndarray, choices: np.ndarray
) -> np.ndarray:
    """Return the density at `samples` estimated from `points` (Aitchison and Aitken's kernel).

    Args:
        samples: (runs, S, G) genes.
        points: (runs, P, G) genes.
        widths: (runs, G) bandwidths.
        choices: (G,) number of choices of each gene.

    Returns:
        (runs, S).
    """
    same, other = 1 - widths, widths / np.maximum(choices - 1, 1)
    product = np.ones((*samples.shape[:2], points.shape[1]))
    for gene in range(len(choices)):
        equal = samples[:, :, None, gene] == points[:, None, :, gene]
        product *= np.where(equal, same[:, None, None, gene], other[:, None, None, gene])
    return product.mean(axis=2)
