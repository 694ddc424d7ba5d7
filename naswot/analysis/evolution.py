"""Follow the score of networks during training (Figure 6), and judge the paper's claims about it.

The paper does not say which statistics batch normalisation uses when a network is scored during
training. Train mode, in which untrained networks are scored, uses those of the mini-batch; eval
mode uses the running statistics of the training. Each claim is judged for both modes.

The thresholds are conventions, chosen before the figure was first made.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from naswot.analysis.claims import Claim, write_claims
from naswot.analysis.correlation import Correlation, correlate
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata

MODES = {"train mode": "score", "eval mode": "score_eval"}  # mode → column

PAPER = {"images": "cifar10", "training_epochs": 100}
# Training images of NAS-Bench-201 where it has validation images: half of CIFAR-10's.
PAPER_IMAGES = 25_000

SETTLED = 0.25  # "near constant": the range in the last half is at most this share of the change
SIMILAR = 0.5  # "similar": the interquartile range of the changes is at most this × their median
# "the relative ranking remained similar": Kendall tau is at least this, and its interval above 0.
# Not confirmed if the whole interval is below this; otherwise undecided.
RANKED = 0.5

FEWEST = 5  # minimum of networks to judge a ranking; fewer often keep their order by chance


def track_score(
    networks: str | Path,
    trainings: Sequence[str | Path],
    output: str | Path,
    claims: str | Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write one table of all trainings, and the verdicts on the paper's claims.

    Args:
        networks: file of `naswot.training.benchmark.select_networks`.
        trainings: files of `naswot.training.job.train_one`, in that order.
        output: Parquet file: the rows of all trainings, with the columns `network` (from 0) and
            `accuracy` (from the benchmark).
        claims: CSV file of `naswot.analysis.claims`.
        resamples, seed: number of resamples and seed of the bootstrap.
    """
    picked, about = read_parquet(networks), read_metadata(networks)
    frames = []
    for number, path in enumerate(trainings):
        frame = read_parquet(path)
        frame.insert(0, "network", number)
        frame.insert(3, "accuracy", picked["accuracy"].iloc[number])
        frames.append(frame)
    table, trained = pd.concat(frames, ignore_index=True), read_metadata(trainings[0])
    kept = {key: value for key, value in trained.items() if key not in ("index", "arch")}
    settings = kept | {key: about[key] for key in ("accuracy", "above", "eligible")}
    settings |= {"reduced": reduction(trained)}
    write_parquet(table, output, settings | build_metadata(resamples=resamples))
    write_claims(claims, "figure6", claims_of(table, settings, resamples, seed))


def reduction(trained: Mapping[str, Any]) -> str | None:
    """Return in words how a training is smaller than the paper's; None if it is not."""
    same = all(trained[key] == value for key, value in PAPER.items())
    if same and trained["train_images"] >= PAPER_IMAGES:
        return None
    side = trained["image_size"]
    return (
        f"{trained['train_images']:,} images of {trained['images']}, {side}×{side} pixels, "
        f"{trained['training_epochs']} epochs (paper: CIFAR-10, 32×32, 100 epochs)"
    )


def claims_of(
    table: pd.DataFrame, settings: Mapping[str, Any], resamples: int, seed: int
) -> list[Claim]:
    """Return the claims of Section 3.1 about Figure 6 with verdicts: train mode, then eval mode."""
    accuracy = table.drop_duplicates("network").set_index("network")["accuracy"]
    claims = []
    for mode, column in MODES.items():
        scores = table.pivot(index="epoch", columns="network", values=column)
        rest = f"; {settings['reduced']}" * bool(settings["reduced"])
        finite = np.isfinite(scores).all()
        if not finite.all():
            rest += f"; {int((~finite).sum())} networks with scores that are not finite"
        claims += _on_curves(scores, finite, f", scored in {mode}", rest)
        ranking = correlate(scores.iloc[0], scores.iloc[-1], resamples, seed)
        before, after = (correlate(scores.iloc[row], accuracy, resamples, seed) for row in (0, -1))
        ends = scores.iloc[[0, -1]].loc[:, finite].to_numpy()
        rho = spearmanr(*ends).statistic if ends.shape[1] > 2 else np.nan
        claims += [
            Claim(
                f"the relative ranking of the networks remains similar, scored in {mode}",
                ranked(ranking),
                f"first against last score: Kendall tau {_tau(ranking)}, Spearman {rho:.2f}, "
                f"n = {ranking.n} (similar: tau at least {RANKED}, interval above 0; not: interval "
                f"below {RANKED}){rest}",
            ),
            Claim(
                f"the score needs no training to tell good networks, scored in {mode}",
                None,  # few networks, all of them good, cannot decide this
                f"Kendall tau with {settings['accuracy']} above {settings['above']:g} %: "
                f"{_tau(before)} before and {_tau(after)} after training, n = {before.n}{rest}",
            ),
        ]
    return claims


def _on_curves(scores: pd.DataFrame, finite: pd.Series, mode: str, rest: str) -> list[Claim]:
    """Return the claims about the curves in `scores`: rows are evaluations, columns networks."""
    first, last = scores.iloc[0], scores.iloc[-1]
    early = (scores.loc[scores.index <= 1].iloc[-1] - first)[finite]
    half = scores.loc[scores.index >= scores.index.max() / 2]
    moved = (half.mean() - first)[finite]
    settled = ((half.max() - half.min())[finite] / moved.abs()).median()
    risen, n = int((early > 0).sum()), len(first)
    middle = np.subtract(*np.quantile(moved, (0.75, 0.25))) if len(moved) else np.nan
    spread = middle / abs(moved.median()) if len(moved) else np.nan
    return [
        Claim(
            f"the score increases in all cases immediately after some training{mode}",
            _in_all_cases(risen, len(early), n),
            f"after the first epoch it has risen in {risen} of {n} networks, at the end in "
            f"{int((last > first)[finite].sum())}; median change in the first epoch "
            f"{_span(early)} from {first[finite].median():.0f}{rest}",
        ),
        Claim(
            f"the score very quickly stabilises to a near constant value{mode}",
            _decided(settled <= SETTLED, moved),
            f"in the last half of the training it varies by {settled:.2f} of its whole change "
            f"(median of {len(moved)} networks; near constant: at most {SETTLED}){rest}",
        ),
        Claim(
            f"the increase of the score is similar among the networks{mode}",
            _decided(moved.median() > 0 and spread <= SIMILAR, moved),
            f"median change to the last half {_span(moved)}; the middle half of the networks is "
            f"{middle:.0f} wide, {spread:.2f} of the median (similar: at most {SIMILAR}, and an "
            f"increase){rest}",
        ),
    ]


def _decided(confirmed: bool, values: pd.Series) -> bool | None:
    """Return a verdict; None if no value is finite."""
    return bool(confirmed) if np.isfinite(values).any() else None


def _in_all_cases(risen: int, known: int, n: int) -> bool | None:
    """Return whether the score rose in all `n` networks; None if only `known` ones are known to."""
    if risen < known:
        return False
    return True if risen == n else None


def ranked(ranking: Correlation) -> bool | None:
    """Return the verdict on a rank correlation; None if its interval or n cannot decide."""
    if ranking.n < FEWEST or not np.isfinite(ranking.tau):
        return None
    if ranking.tau_high < RANKED:
        return False
    return True if ranking.tau >= RANKED and ranking.tau_low > 0 else None


def _span(values: pd.Series) -> str:
    if values.empty:
        return "unknown"
    return f"{values.median():+.0f} (range {values.min():+.0f} to {values.max():+.0f})"


def _tau(found: Correlation) -> str:
    return f"{found.tau:.2f} [{found.tau_low:.2f}, {found.tau_high:.2f}]"
