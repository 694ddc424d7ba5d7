"""Read NASBench-101: ``nasbench_full.tfrecord``, ``nasbench_only108.tfrecord``, a compact mirror.

A record of the files is one training of a cell, as JSON: hash of the cell, epochs, adjacency
matrix (row by row, a string of 0 and 1), operations (joined by commas), and a protobuf message
``ModelMetrics`` in base64. Its field 1, ``EvaluationData``, appears three times: before, halfway
through and after the training. Fields 2 to 5 of ``EvaluationData`` are seconds of training and
the accuracies (fractions) on training, validation and test images. Field 2 of ``ModelMetrics`` is
the number of parameters. Every cell was trained three times for each number of epochs.

Source: Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019;
google-research/nasbench (Apache-2.0).
"""

import binascii
import functools
import itertools
import json
import math
from array import array
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from naswot.benchmarks.tfrecord import fields, records
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.parquet import read_parquet

SOURCE = "NASBench-101"
LICENCE = "Apache-2.0"
OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
EPOCHS = (4, 12, 36, 108)
REPEATS = 3
MAXIMUM_VERTICES = 7
SPLITS = ("train", "valid", "test")  # in the order of a message's fields


def read(path: str | Path) -> pd.DataFrame:
    """Return the benchmark table of a NASBench-101 TFRecord file, one row per cell, by hash.

    Columns besides ``index`` (position by ascending hash):

    - ``arch``: ``{"matrix":[[0,1],[0,0]],"ops":["input","output"]}``, JSON without spaces;
    - ``module_hash``; ``params``: parameters of the benchmark's own network;
    - ``cifar10/split/epochs``, split valid, test or train: accuracy after the last epoch in
      percent, mean over the three trainings; ``…/per-seed``: the three values, in file order;
    - ``train-seconds/epochs``: seconds of the whole training, mean over the three.

    Raises:
        NaswotError: the file is missing or damaged (with the byte offset), a record does not have
            the form above, or a cell lacks trainings.
    """
    cells: dict[str, int] = {}  # hash → position in the order of first appearance
    architectures, params = list[str](), array("q")
    rows, epochs_of, measured = array("i"), array("i"), array("d")
    for offset, data in records(path):
        try:
            module_hash, epochs, adjacency, operations, message = json.loads(data)
            if not isinstance(module_hash, str) or not module_hash.isascii():
                raise ValueError(f"{shown(module_hash)} is no hash")
            metrics = binascii.a2b_base64(message)
            parameters, final = _final_evaluation(metrics)
            row = cells.setdefault(module_hash, len(cells))
            if row == len(architectures):
                architectures.append(_architecture(adjacency, operations))
                params.append(parameters)
            rows.append(row)
            epochs_of.append(epochs)
            measured.extend(final)
        except MALFORMED_RECORD_ERRORS as error:
            raise NaswotError(
                f"{path}: the record at byte {offset:,} is not one of NASBench-101 ({error}). Put "
                "the benchmark's own file in its place."
            ) from error
    lengths = sorted(set(epochs_of))
    if lengths not in ([*EPOCHS], [EPOCHS[-1]]):
        found = shown(lengths) if lengths else "no"
        raise NaswotError(
            f"{path} has trainings of {found} epochs; NASBench-101's files have {[*EPOCHS]}, or "
            f"{EPOCHS[-1]} alone. Put the benchmark's own file in its place."
        )

    order = sorted(cells, key=cells.__getitem__)
    by_hash = np.argsort(np.array(order))
    table = {
        "index": np.arange(len(order), dtype=np.int32),
        "arch": pd.array(architectures, dtype="str")[by_hash],
        "module_hash": pd.array(order, dtype="str")[by_hash],
        "params": np.array(params)[by_hash],
    }
    row_of, trained = np.frombuffer(rows, np.int32), np.frombuffer(epochs_of, np.int32)
    values = np.frombuffer(measured).reshape(-1, 1 + len(SPLITS))
    seconds = {}
    for epochs in lengths:
        chosen = np.flatnonzero(trained == epochs)
        counts = np.bincount(row_of[chosen], minlength=len(order))
        if (counts != REPEATS).any():
            cell = int(np.flatnonzero(counts != REPEATS)[0])
            raise NaswotError(
                f"{path} has {counts[cell]} trainings of {epochs} epochs of cell {order[cell]} "
                f"instead of {REPEATS}. Put the benchmark's own file, whole, in its place."
            )
        chosen = chosen[np.argsort(row_of[chosen], kind="stable")]
        trainings = values[chosen].reshape(len(order), REPEATS, -1)[by_hash]
        seconds[f"train-seconds/{epochs}"] = trainings[..., 0].mean(1)
        for split in ("valid", "test", "train"):
            percent = 100 * trainings[..., 1 + SPLITS.index(split)]
            table[f"cifar10/{split}/{epochs}"] = percent.mean(1)
            table[f"cifar10/{split}/{epochs}/per-seed"] = pd.Series(list(percent), dtype=object)
    return pd.DataFrame(table | seconds)


def _final_evaluation(metrics: bytes) -> tuple[int, tuple[float, ...]]:
    """Return the number of parameters; and seconds and accuracies (train, valid, test) at the end.

    The accuracies are fractions.
    """
    parameters, evaluations = None, []
    for number, value in fields(metrics):
        if number == 1:
            evaluations.append(value)
        elif number == 2:
            parameters = value
    if parameters is None or len(evaluations) != 3:
        raise ValueError("its metrics lack parameters or one of three evaluations")
    final = dict(fields(evaluations[-1]))
    return parameters, (final[2], final[3], final[4], final[5])


def _architecture(bits: str, joined: str) -> str:
    if len(bits) != (joined.count(",") + 1) ** 2:
        raise ValueError(f"matrix {shown(bits)} and operations {shown(joined)} are not of one size")
    return _matrix(bits) + _operations(joined)


@functools.cache
def _matrix(bits: str) -> str:
    """Write an adjacency matrix, row by row as 0 and 1, as the first half of `arch`."""
    size = math.isqrt(len(bits))
    rows = [bits[start : start + size] for start in range(0, len(bits), size or 1)]
    upper = all(row[: i + 1] == "0" * (i + 1) for i, row in enumerate(rows))
    if not (
        2 <= size <= MAXIMUM_VERTICES and size**2 == len(bits) and upper and set(bits) <= {*"01"}
    ):
        raise ValueError(f"{shown(bits)} is no adjacency matrix")
    text = ",".join(f"[{','.join(row)}]" for row in rows)
    return f'{{"matrix":[{text}],"ops":'


@functools.cache
def _operations(joined: str) -> str:
    """Write operations, joined by commas, as the second half of `arch`."""
    first, *inner, last = joined.split(",")
    if first != "input" or last != "output" or not set(inner) <= set(OPERATIONS):
        raise ValueError(f"{shown(joined)} are no operations of the space")
    return json.dumps([first, *inner, last], separators=(",", ":")) + "}"


def read_mirror(path: str | Path) -> pd.DataFrame:
    """Return the benchmark table of a compact ``nasbench101.parquet``, one row per cell, by hash.

    The file has ``num_vertices``; ``adjacency``, whose bit k is the k-th of the pairs (0,1),
    (0,2), …, (5,6) of seven vertices; ``ops``, one digit (index in `OPERATIONS`) for each vertex
    except the first and the last; ``module_hash``, ``params``, and accuracies under their keys.

    Returns:
        The columns of :func:`read` that the file has, with empty values where it has none.

    Raises:
        NaswotError: the file is missing or damaged, lacks a column, or a cell is malformed.
    """
    table = read_parquet(path)
    missing = [
        name
        for name in ("module_hash", "num_vertices", "adjacency", "ops", "params")
        if name not in table
    ]
    if missing:
        raise NaswotError(f"{path} has no column {missing[0]!r}.")
    for name in ("module_hash", "ops"):
        if not pd.api.types.is_string_dtype(table[name]) or table[name].hasnans:
            raise NaswotError(f"{path}: column {name!r} does not hold a text in each row.")
    for name in ("num_vertices", "adjacency"):
        if not pd.api.types.is_integer_dtype(table[name]) or table[name].hasnans:
            raise NaswotError(f"{path}: column {name!r} does not hold a whole number in each row.")
    if not table["module_hash"].is_monotonic_increasing:
        table = table.sort_values("module_hash", ignore_index=True)
    # All cells share a few thousand matrices and a few hundred lists of operations.
    code = table["adjacency"].to_numpy(np.int64) * 8 + table["num_vertices"].to_numpy(np.int64)
    codes, matrix_of = np.unique(code, return_inverse=True)
    labels_of, labels = pd.factorize(table["ops"])
    sizes = table["num_vertices"].to_numpy()
    try:
        matrices = [_matrix(_bits(int(code) >> 3, int(code) & 7)) for code in codes]
        operations = [
            _operations(
                ",".join(("input", *(OPERATIONS[int(digit)] for digit in digits), "output"))
            )
            for digits in labels
        ]
    except (ValueError, IndexError, TypeError) as error:
        raise NaswotError(f"{path} holds a cell that is not of NASBench-101: {error}.") from error
    wrong = np.flatnonzero(sizes != np.array([len(digits) + 2 for digits in labels])[labels_of])
    if len(wrong):
        cell = table.loc[wrong[0], "module_hash"]
        raise NaswotError(f"{path}: cell {cell} does not have one operation for each vertex.")
    arch = pc.binary_join_element_wise(
        pa.array(matrices).take(pa.array(matrix_of)),
        pa.array(operations).take(pa.array(labels_of)),
        "",
    )
    columns = {
        "index": np.arange(len(table), dtype=np.int32),
        "arch": pd.Series(arch.to_pandas(), dtype="str"),
    }
    rest = table.drop(columns=["index", "arch"], errors="ignore")
    return pd.DataFrame(columns).join(rest.drop(columns=["num_vertices", "adjacency", "ops"]))


def _bits(adjacency: int, size: int) -> str:
    matrix = np.zeros((MAXIMUM_VERTICES, MAXIMUM_VERTICES), int)
    for k, (i, j) in enumerate(itertools.combinations(range(MAXIMUM_VERTICES), 2)):
        matrix[i, j] = adjacency >> k & 1
    return "".join(map(str, matrix[:size, :size].ravel()))
