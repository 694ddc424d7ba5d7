"""Measure `naswot.predict`: Kendall tau with test accuracy, by the number of trained networks.

    python tools/predict.py results/joined/nasbench201/cifar10 TABLE.parquet ACCURACY…
        [--trained 20 50 100 500] [--draws 50] [--seed S] [--space nasbench201]

The folder holds joined tables, one per score, `SCORE/SEED.parquet`; TABLE is the benchmark table,
and an ACCURACY is one of its columns, such as cifar10/ori-test/200. In each draw, k networks at
random are trained; tau is over all others, whose accuracies nothing has seen. Beside it stand, on
the same others, the tau of the start (the aggregate `ensemble`) and of the best single score of
all. It prints a Markdown table: the mean over the draws, and the range of 95 % of them.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from naswot.analysis.prediction import predict
from naswot.scores import AGGREGATES, LOWER_IS_BETTER
from naswot.scores.aggregates import log_rank, ranks
from naswot.spaces import SPACES
from naswot.spaces.encoding import encode


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("joined", type=Path, help="folder of joined tables")
    parser.add_argument("benchmark", type=Path, help="benchmark table")
    parser.add_argument("accuracies", nargs="+", help="columns of the benchmark table")
    parser.add_argument("--trained", nargs="+", type=int, default=[20, 50, 100, 500])
    parser.add_argument("--draws", type=int, default=50, help="(50)")
    parser.add_argument("--seed", type=int, default=0, help="of the scores (0)")
    parser.add_argument("--space", default="nasbench201", help="(nasbench201)")
    arguments = parser.parse_args()
    scores = read_scores(arguments.joined, arguments.seed)
    table = pd.read_parquet(arguments.benchmark).set_index("index").loc[scores.index]
    space = SPACES[arguments.space]
    encoding = None
    if space.encode is not None:
        encoding = encode(space, table["arch"].tolist()).set_axis(scores.index)
    print(f"{len(scores)} networks, {scores.shape[1]} scores: {', '.join(scores)}\n")
    print("| accuracy | trained | `predict` | `ensemble` | best single score |")
    print("|---|---:|---:|---:|---:|")
    for key in arguments.accuracies:
        for trained in arguments.trained:
            if trained + 2 > len(scores):
                continue
            found = [
                one_draw(scores, encoding, table[key], trained, draw)
                for draw in range(arguments.draws)
            ]
            cells = [told(column) for column in np.array(found).T]
            print(f"| {key} | {trained} | {' | '.join(cells)} |", flush=True)


def read_scores(folder: Path, seed: int) -> pd.DataFrame:
    """Return one row per network that all joined tables of a folder have, one column per score."""
    columns = {
        path.parent.name: pd.read_parquet(path, columns=["index", "score"]).set_index("index")
        for path in sorted(folder.glob(f"*/{seed}.parquet"))
        if path.parent.name not in AGGREGATES
    }
    if not columns:
        sys.exit(f"{folder} has no SCORE/{seed}.parquet.")
    return pd.concat({name: each["score"] for name, each in columns.items()}, axis=1, join="inner")


def one_draw(
    scores: pd.DataFrame,
    encoding: pd.DataFrame | None,
    accuracy: pd.Series,
    trained: int,
    draw: int,
) -> tuple[float, float, float]:
    """Return tau of the prediction, of `ensemble` and of the best score, over the untrained."""
    order = np.random.default_rng(draw).permutation(len(scores))
    known, others = scores.index[order[:trained]], scores.index[order[trained:]]
    predicted = predict(scores, accuracy[known], encoding, seed=draw)["accuracy"]
    turned = scores * [-1 if name in LOWER_IS_BETTER else 1 for name in scores]
    upward = pd.DataFrame(ranks(turned.to_numpy(float)), scores.index, scores.columns)
    members = [name for name in AGGREGATES["ensemble"].scores if name in scores]
    start = pd.Series(log_rank(upward[members].to_numpy()), scores.index)

    def tau(values: pd.Series) -> float:
        return kendalltau(values[others], accuracy[others]).statistic

    return tau(predicted), tau(start), max(tau(upward[name]) for name in scores)


def told(values: np.ndarray) -> str:
    """Return mean and range of 95 % of the draws, without leading zeros."""
    mean, low, high = values.mean(), *np.quantile(values, (0.025, 0.975))
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]".replace("0.", ".")


if __name__ == "__main__":
    main()
