"""Decompose the variance of scores into architecture, images and initialisation.

Every network is scored once with every mini-batch and every initialisation: a crossed design
without replication. With all effects random,

    y[a, b, i] = μ + A[a] + B[b] + I[i] + AB[a, b] + AI[a, i] + BI[b, i] + e[a, b, i],

the components of variance follow from the mean squares by the method of moments (Searle, Casella
& McCulloch, Variance Components, 1992, chapter 4; Brennan, Generalizability Theory, 2001). The
interaction of all three cannot be separated from the residual. Estimates may be negative, which
means that a component is too small to be measured; they are kept, and count as zero in shares.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

COMPONENTS = (
    "architecture",
    "images",
    "initialisation",
    "architecture × images",
    "architecture × initialisation",
    "images × initialisation",
    "residual",
)
CONFIDENCE = 0.95


def mean_squares(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean square of each of `COMPONENTS`.

    Args:
        scores: finite (…, architectures, mini-batches, initialisations), two or more of each;
            leading axes are separate designs.
    """
    a, b, i = scores.shape[-3:]
    y = scores - scores.mean(axis=(-3, -2, -1), keepdims=True)
    effect_a = y.mean(axis=(-2, -1), keepdims=True)
    effect_b = y.mean(axis=(-3, -1), keepdims=True)
    effect_i = y.mean(axis=(-3, -2), keepdims=True)
    effect_ab = y.mean(axis=-1, keepdims=True) - effect_a - effect_b
    effect_ai = y.mean(axis=-2, keepdims=True) - effect_a - effect_i
    effect_bi = y.mean(axis=-3, keepdims=True) - effect_b - effect_i
    rest = y - effect_a - effect_b - effect_i - effect_ab - effect_ai - effect_bi
    effects = (effect_a, effect_b, effect_i, effect_ab, effect_ai, effect_bi, rest)
    freedom = (
        a - 1, b - 1, i - 1, (a - 1) * (b - 1), (a - 1) * (i - 1), (b - 1) * (i - 1),
        (a - 1) * (b - 1) * (i - 1),
    )  # fmt: skip
    squares = {}
    for name, effect, degrees in zip(COMPONENTS, effects, freedom, strict=True):
        repeated = a * b * i // np.prod(effect.shape[-3:])
        squares[name] = (effect**2).sum(axis=(-3, -2, -1)) * repeated / degrees
    return squares


def components(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return the estimated variance of each of `COMPONENTS`; estimates may be negative.

    Arguments as for `mean_squares`. With n levels of each factor, the expected mean squares are

        E[MS residual] = σ²e            E[MS AB] = σ²e + n_I σ²AB, and so on
        E[MS A] = σ²e + n_I σ²AB + n_B σ²AI + n_B n_I σ²A, and so on.
    """
    a, b, i = scores.shape[-3:]
    arch, batch, start, ab, ai, bi, rest = mean_squares(scores).values()
    found = (
        (arch - ab - ai + rest) / (b * i),
        (batch - ab - bi + rest) / (a * i),
        (start - ai - bi + rest) / (a * b),
        (ab - rest) / i,
        (ai - rest) / b,
        (bi - rest) / a,
        rest,
    )
    return dict(zip(COMPONENTS, found, strict=True))


def shares(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return each component's share of the total variance, with negative estimates as zero."""
    kept = {name: np.maximum(value, 0.0) for name, value in found.items()}
    total = sum(kept.values())
    with np.errstate(invalid="ignore"):
        return {name: value / total for name, value in kept.items()}


def decompose(scores: np.ndarray, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return one row per component, with bootstrap intervals over architectures.

    The intervals cover the random choice of architectures. They do not cover the uncertainty from
    the small numbers of mini-batches and initialisations.

    Args:
        scores: finite (architectures, mini-batches, initialisations), two or more of each.
        resamples, seed: number of resamples and seed of the bootstrap.

    Returns:
        `component`, `variance`, `std` (its root, 0 for a negative estimate; in units of the score),
        `share`, and the 95 % intervals of the last two, `_low` and `_high`.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(scores), size=(resamples, len(scores)))
    found, again = components(scores), components(scores[drawn])
    share, share_again = shares(found), shares(again)
    levels = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    rows = []
    for name in COMPONENTS:
        std = np.quantile(np.sqrt(np.maximum(again[name], 0.0)), levels)
        part = np.nanquantile(share_again[name], levels)
        rows.append(
            {
                "component": name,
                "variance": float(found[name]),
                "std": float(np.sqrt(np.maximum(found[name], 0.0))),
                "std_low": std[0],
                "std_high": std[1],
                "share": float(share[name]),
                "share_low": part[0],
                "share_high": part[1],
            }
        )
    return pd.DataFrame(rows)
