"""Predictor: learn from the trained architectures which others are good, and train these.

Ridge regression on numbers that describe the architectures predicts the rank of their fitness
among those of the run, as a normal score. A linear model takes a hundredth of the time of a
Gaussian process, so it can be fitted anew after every few trainings. `naswot.analysis.prediction`
is for predictions that are made once.
"""

import numpy as np

from naswot.search.simulation import Settings, Simulation

PENALTY = 0.1  # of the weights; the mean squared length of an architecture's features is 1
AT_ONCE = 1 << 23  # predictions of several runs that are held in memory


def predictor(simulation: Simulation, settings: Settings) -> None:
    """Train random architectures; then, again and again, those predicted to be the best."""
    features = standardised(simulation.features)
    chosen = simulation.draws.below(simulation.size, settings.population)
    picks = np.empty((simulation.runs, 0), np.int64)
    values = np.empty((simulation.runs, 0))
    while simulation.running.any():
        for column in chosen.T:
            trained, fitness = simulation.evaluate(column)
            picks = np.column_stack([picks, trained])
            values = np.column_stack([values, fitness])
        chosen = most_promising(features, picks, values, settings.predictions)


def standardised(features: np.ndarray) -> np.ndarray:
    """Return (n, F) features with mean 0, equal variances and mean squared length 1.

    Constant features are left out.
    """
    kept = features[:, np.ptp(features, axis=0) > 0]
    return (kept - kept.mean(axis=0)) / (kept.std(axis=0) * np.sqrt(max(kept.shape[1], 1)))


def most_promising(
    features: np.ndarray, picks: np.ndarray, values: np.ndarray, count: int
) -> np.ndarray:
    """Return the `count` architectures of the highest predicted fitness for each run.

    Args:
        features: (n, F), of `standardised`.
        picks: (runs, k) positions of the trained architectures, and
        values: (runs, k) their fitness; NaN where a run had ended.
        count: of architectures to return. Trained ones come last, and of equals the first.

    Returns:
        (runs, count) positions, best first.
    """
    from scipy.special import ndtri  # takes a second, and planning a run needs the names alone
    from scipy.stats import rankdata

    size = picks.shape[1]
    goal = ndtri((rankdata(np.nan_to_num(values), axis=1) - 0.5) / size)
    chosen = np.empty((len(picks), count), np.int64)
    step = max(1, AT_ONCE // len(features))
    for start in range(0, len(picks), step):
        runs = slice(start, start + step)
        known = features[picks[runs]]
        kernel = known @ known.transpose(0, 2, 1) + PENALTY * np.eye(size)
        weights = np.linalg.solve(kernel, goal[runs, :, None]).transpose(0, 2, 1) @ known
        # Rounded, so that equally good ones tie on every machine.
        predicted = (weights[:, 0] @ features.T).round(9)
        rows = np.arange(len(predicted))
        predicted[rows[:, None], picks[runs]] = -np.inf
        for column in range(count):
            best = predicted.argmax(axis=1)
            chosen[runs, column] = best
            predicted[rows, best] = -np.inf
    return chosen
