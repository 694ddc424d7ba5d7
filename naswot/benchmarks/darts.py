"""Read genotypes of DARTS cells with one accuracy each, as networks of a stated width and depth.

Such tables name cells, not networks. A genotype is scored as the network of NDS with that width
(channels of the first cells) and depth (cells), without auxiliary head; `naswot.spaces.nds` reads
its architecture string, which states both. The columns `width` and `depth` of a file, if it has
them, replace the numbers here.

- NAS-Bench-301 (a sample in automl/NASLib): 32 and 8, as published. The accuracies are predicted.
- 1,000 random cells, trained for 200 epochs (github.com/pym1024/SWAP, datasets/; Peng et al., ICLR
  2024). The reduction cell is the normal cell, and the operation `none` occurs. Width and depth of
  the trained networks are not published; those of NAS-Bench-301 stand in.
- 214 random cells, trained for 600 epochs (github.com/antoyang/NAS-Benchmark, Plots/data; Yang et
  al., ICLR 2020). The defaults of its training code, DARTS/config.py, are 36 and 20; nothing beside
  the data states them.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from naswot.errors import NaswotError
from naswot.io.parquet import column_names, read_parquet
from naswot.spaces.nds import from_record

SIZES = {  # width, depth
    "nasbench301": (32, 8),
    "darts_trained_200": (32, 8),
    "darts_trained_600": (36, 20),
}


def read(path: Path, space: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with `index`, `arch`, and the columns of `columns`: name in the file → here.

    Raises:
        NaswotError: the file is damaged or lacks a column, or a genotype is malformed; the message
            names the row.
    """
    if "arch" in column_names(path):  # our own table, which a mirror may hold, too
        return read_parquet(path)
    sizes = [name for name in ("width", "depth") if name in column_names(path)]
    table = read_parquet(path, ["index", "genotype", *columns, *sizes])
    width, depth = SIZES[space]
    usual = {"width": width, "depth": depth, "aux": False, "drop_prob": 0.0}
    archs = [
        _architecture(f"{path}, row {row}", usual | net, genotype)
        for row, (genotype, net) in enumerate(
            zip(table["genotype"], table[sizes].to_dict("records"), strict=True)
        )
    ]
    table["genotype"] = archs
    return table.drop(columns=sizes).rename(columns={"genotype": "arch", **columns})


def _architecture(place: str, net: dict, genotype: str) -> str:
    try:
        return from_record("nds_darts", net | {"genotype": json.loads(genotype)})
    except (RecursionError, TypeError, ValueError) as error:
        raise NaswotError(f"{place}: the genotype is not JSON ({error}).") from error
    except NaswotError as error:
        raise NaswotError(f"{place}: {error}") from error


read_nasbench301 = partial(
    read,
    space="nasbench301",
    columns={"params": "params", "surrogate_val_accuracy": "cifar10/surrogate/100"},
)
read_trained_200 = partial(
    read, space="darts_trained_200", columns={"cifar10/valid/200": "cifar10/valid/200"}
)
read_trained_600 = partial(
    read,
    space="darts_trained_600",
    columns={
        "cifar10/test/600": "cifar10/test/600",
        "cifar10/test/best-of-600": "cifar10/test/600/best",
    },
)


def size_of(space: str) -> str:
    """Return width and depth of the networks of `space` in words, for the metadata of a table."""
    width, depth = SIZES[space]
    return f"scored with width {width} and depth {depth} unless the file states others"
