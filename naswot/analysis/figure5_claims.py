"""Judge the claims of the paper's Section 3.1 about Figure 5 by the ablations.

The thresholds were chosen before anything was measured. A claim is confirmed if the whole 95 %
interval of its number is at least the threshold, not confirmed if the whole interval is below it,
else undecided. The intervals are over repeats: they hold for these networks only.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from naswot.analysis.claims import Claim
from naswot.analysis.rankings import crossed_interval, kendall, mean_agreement, mean_interval

ROBUST = 0.8  # Kendall tau of two mini-batches: 4 or 5 of the 45 pairs of ten networks are swapped
TREND = 0.7  # Kendall tau of images and noise: the general trend
DISTINCT = 0.9  # share of comparisons in which the best networks outscore the others
BEST = 5  # the best fifth of the networks by accuracy; two of ten
CLAIMS = (
    "the ranking of the scores is reasonably robust to the specific choice of images",
    "normally distributed random inputs have little impact on the general trend",
    "initialisations bring some noise, and the better networks remain distinctive",
    "the best networks remain distinct at every mini-batch size",
)


def claims_of(table: pd.DataFrame) -> list[Claim]:
    """Return the four claims with verdicts, from the scores of all ablations.

    Args:
        table: columns `ablation, level, repeat, index, accuracy, score`. −inf ranks last;
            networks with a NaN are left out.
    """
    if not np.isfinite(table["score"]).any():
        return [Claim(claim, None, "no score is finite") for claim in CLAIMS]
    lost = table.loc[table["score"].isna(), "index"].unique()
    table = table[~table["index"].isin(lost)]
    accuracy = table.drop_duplicates("index").set_index("index")["accuracy"].sort_values()
    batches = _scores(table, "batches", accuracy)
    noise = _scores(table, "noise", accuracy)
    starts = _scores(table, "initialisations", accuracy)
    best = len(accuracy) // BEST or 1
    few = f"{len(accuracy)} networks" + (f", {len(lost)} with NaN left out" if len(lost) else "")

    images = mean_agreement(batches)
    crossed = kendall(batches, noise)
    inputs = crossed_interval(crossed)
    means = kendall(batches.mean(axis=0), noise.mean(axis=0))[0, 0]
    isolated = mean_interval(ahead(starts, best))
    who = f"the {best} best network{'s' if best > 1 else ''} by accuracy"
    sizes = {
        level: mean_interval(ahead(_scores(rows, "batch_size", accuracy), best))
        for level, rows in table[table["ablation"] == "batch_size"].groupby("level", sort=False)
    }
    lowest = min(sizes.values(), default=(np.nan,) * 3)
    listed = ", ".join(f"{100 * found[0]:.0f} % at {size}" for size, found in sizes.items())
    return [
        Claim(
            CLAIMS[0],
            verdict(images, ROBUST),
            f"mean Kendall tau between two of {len(batches)} mini-batches {_words(images)}, "
            f"{few} (confirmed from {ROBUST})",
        ),
        Claim(
            CLAIMS[1],
            verdict(inputs, TREND),
            f"mean Kendall tau between a mini-batch of images and one of noise {_words(inputs)}, "
            f"{len(batches)} × {len(noise)} mini-batches, {means:.3f} between mean scores, {few} "
            f"(confirmed from {TREND})",
        ),
        Claim(
            CLAIMS[2],
            verdict(isolated, DISTINCT),
            f"{who} outscore{'s' if best == 1 else ''} another in "
            f"{_words(tuple(100 * one for one in isolated), 0)} % of comparisons within an "
            f"initialisation, {len(starts)} initialisations, {few}; {_spread(starts)} "
            f"(confirmed from {100 * DISTINCT:.0f} %)",
        ),
        Claim(
            CLAIMS[3],
            every([verdict(found, DISTINCT) for found in sizes.values()]),
            f"{who} outscore{'s' if best == 1 else ''} another in {listed} images of comparisons "
            f"within a mini-batch, the lowest {_words(tuple(100 * one for one in lowest), 0)} %, "
            f"{few} (confirmed from {100 * DISTINCT:.0f} %)",
        ),
    ]


def ahead(scores: np.ndarray, best: int) -> np.ndarray:
    """Return the share of comparisons in which the last `best` columns outscore the others.

    Args:
        scores: (repeats, networks), the most accurate network last.
        best: how many networks count as the best.

    Returns:
        (repeats,) shares; a tie counts half.
    """
    good, other = scores[:, -best:, None], scores[:, None, :-best]
    return ((good > other) + 0.5 * (good == other)).mean(axis=(1, 2))


def verdict(found: tuple[float, float, float], threshold: float) -> bool | None:
    """Return whether a number is at least `threshold`; None if its interval includes both cases."""
    _, low, high = found
    if low >= threshold:
        return True
    return False if high < threshold else None


def every(verdicts: Sequence[bool | None]) -> bool | None:
    """Return False if any verdict is False, else None if any is None, else True."""
    if False in verdicts:
        return False
    return None if None in verdicts or not verdicts else True


def _scores(table: pd.DataFrame, ablation: str, accuracy: pd.Series) -> np.ndarray:
    """Return scores (repeats, networks), the networks in the order of `accuracy`."""
    chosen = table[table["ablation"] == ablation]
    scores = chosen.pivot(index=["level", "repeat"], columns="index", values="score")
    return scores.reindex(columns=accuracy.index).to_numpy(float)


def _spread(scores: np.ndarray) -> str:
    """Say how much the score of one network varies, and the share of variance between networks."""
    finite = scores[:, np.isfinite(scores).all(axis=0)]
    if finite.shape[1] < 2 or len(finite) < 2:
        return "no spread to tell"
    within = finite.var(axis=0, ddof=1).mean()
    between = max(finite.mean(axis=0).var(ddof=1) - within / len(finite), 0.0)
    share = 100 * between / (between + within) if between + within else np.nan
    return (
        f"a score's standard deviation over them is {np.sqrt(within):.1f}, {share:.1f} % of the "
        "variance is between networks"
    )


def _words(found: tuple[float, ...], digits: int = 3) -> str:
    value, low, high = (f"{number:.{digits}f}" for number in found)
    return f"{value} [{low}, {high}]"
