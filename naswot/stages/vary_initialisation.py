"""Measure how far the accuracy that NASWOT finds depends on the initial weights.

All runs of a search share one initialisation, so their spread says nothing of its chance. With
many draws a run chooses among the best networks by score, so these are scored again, each by
itself, with other initial weights. The others keep their scores; how often one of them is chosen is
counted.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from naswot.benchmarks.catalogue import Catalogue
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.runtime.device import choose_device, choose_precision
from naswot.runtime.progress import Progress
from naswot.runtime.provenance import build_metadata
from naswot.scores.base import Options
from naswot.scores.custom import family_named
from naswot.spaces import Space
from naswot.stages.sample_search import read_pool, search
from naswot.stages.score import builder, on_device, score_architectures
from naswot.tables.batch import read_mini_batch

SCORE = "naswot"
COLUMNS = [
    "space",
    "dataset",
    "sample_size",
    "accuracy",
    "initialisation",
    "mean",
    "runs",
    "outside",
]


def score_again(
    joined: str | Path,
    batch: str | Path,
    output: str | Path,
    *,
    space: Space,
    networks: int,
    seed: int,
    precision: str,
    relu_count: str,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Score the best networks of a joined table again, each by itself, and write a Parquet file.

    Args:
        joined: joined table of the score naswot.
        batch: the mini-batch of its scores, .npz.
        output: one row per network, with the columns of `naswot.stages.score`.
        space: the search space.
        networks: how many, by score.
        seed: of the initial weights.
        precision, relu_count, device, threads: as for `naswot.stages.score.score_networks`.
    """
    torch.set_num_threads(threads)
    target = choose_device(device)
    options = Options(choose_precision(precision, target), relu_count)
    table = read_parquet(joined, ["index", "arch", "score"])
    best = table[np.isfinite(table["score"])].nlargest(networks, "score").sort_values("index")
    progress = Progress(f"{space.name}, initial weights from seed {seed}", len(best), "networks")
    tensors = on_device(read_mini_batch(batch), target)
    family = family_named(SCORE)
    build = builder(space, family, options, target)
    scored = score_architectures(best, build, tensors, family, seed, progress, options)
    write_parquet(scored, output, build_metadata(space=space.name, seed=seed, threads=threads))


def vary_initialisation(
    runs: Sequence[tuple[str, str | Path, Iterable[str | Path]]],
    output: str | Path,
    *,
    sample_sizes: Sequence[int],
    n_runs: int,
    seed: int,
    catalogue: Catalogue,
) -> None:
    """Write initialisations.csv: what NASWOT finds with each initialisation.

    Args:
        runs: data set, its joined table, and the files of `score_again`.
        output: CSV file with the columns `COLUMNS`: `mean` accuracy (%) of the runs, and the share
            of the runs, `outside`, whose choice was not scored again. Initialisation 0 is that of
            the joined table.
        sample_sizes: N.
        n_runs, seed: as for the search of Table 2; the draws are the same.
        catalogue: the search spaces of the run.
    """
    rows = []
    for name, joined, again in runs:
        space = read_metadata(joined)["space"]
        dataset = catalogue[space].datasets[name]
        pool, _ = read_pool(joined, [dataset.valid, dataset.test], None)
        for number, table in enumerate([None, *again]):
            known, unscored = pool, pool["index"][:0]
            if table is not None:
                new = read_parquet(table, ["index", SCORE]).set_index("index")[SCORE]
                scored = pool["index"].isin(new.index)
                kept = pool["score"].where(~scored, pool["index"].map(new))
                known, unscored = pool.assign(score=kept), pool["index"][~scored]
            for size in sample_sizes:
                found = search(known, dataset, SCORE, size, n_runs, seed)
                about = (space, name, size)
                missed = found["index"].isin(unscored).mean()
                rows += [
                    (*about, key, number, found[split].mean(), found[split].count(), missed)
                    for split, key in (("valid", dataset.valid), ("test", dataset.test))
                    if key is not None and found[split].notna().any()
                ]
    with replacing(output) as temporary:
        table = pd.DataFrame(rows, columns=COLUMNS)
        table.to_csv(temporary, index=False, float_format="%.6g")
