"""Train the best networks of a search briefly, to see whether the order by score holds up."""

import functools
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from naswot.errors import NaswotError
from naswot.images.labelled import LabelledImages, divide
from naswot.io.atomic import replacing
from naswot.io.python_files import code_digest
from naswot.runtime.progress import log
from naswot.spaces.choices import ChoiceSpace
from naswot.stages.train import train_to_folder
from naswot.study.home import folder_of
from naswot.study.problem import Problem
from naswot.training.protocol import RATE_PER_IMAGE, Protocol

BATCH = 64
FILE = "trained.csv"
COLUMNS = {
    "place": "int64", "network": "str", "score": "float64", "valid_accuracy": "float64",
    "test_accuracy": "float64", "seconds": "float64", "folder": "str", "note": "str",
}  # fmt: skip


def labelled(name: str, directory: Path | None, problem: Problem) -> LabelledImages:
    """Return the images to train on, of the size that the search looks at.

    Args:
        name: of a data set with labels, or "folder".
        directory: of its files.
        problem: of the search.

    Raises:
        NaswotError: they have no labels, or the networks take grey images.
    """
    channels, size = problem.shape[0], problem.shape[-1]
    if channels != 3:
        raise NaswotError("Training needs networks of colour images: set --channels 3.")
    images = divide(name, directory, size, problem.seed, valid_images=None)
    if images.classes != problem.classes:
        raise NaswotError(
            f"The images have {images.classes} classes and the networks {problem.classes}: leave "
            "out --classes, so that the networks have as many."
        )
    return images


def train_best(
    folder: Path,
    problem: Problem,
    architectures: Sequence[str],
    scores: Sequence[float],
    space: ChoiceSpace,
    images: LabelledImages,
    origin: str,
    epochs: int,
    augment: bool,
) -> pd.DataFrame:
    """Train networks into trained/… in `folder`, and write trained.csv.

    A training that was interrupted goes on, and one that is finished is not repeated. A network
    that cannot be trained leaves a note.

    Args:
        folder: of the search.
        problem, space: of the search.
        architectures: the networks, best score first.
        scores: their scores, higher is better.
        images: from `labelled`; origin: the name or folder of the images.
        epochs: passes over the training images.
        augment: whether images are flipped and shifted at random.

    Returns:
        Columns `COLUMNS`: `place` from 1, accuracies in percent, seconds of training, and the
        folder with the weights.
    """
    protocol = Protocol(epochs, BATCH, RATE_PER_IMAGE * BATCH, augment=augment)
    code = code_digest(space.files[0]) if space.files else None
    rows = []
    for place, (arch, score) in enumerate(zip(architectures, scores, strict=True), start=1):
        # Another run of this search may put the network in another place.
        digest = hashlib.sha256(arch.encode()).hexdigest()[:8]
        row: dict[str, Any] = {"note": ""} | {
            "place": place,
            "network": arch,
            "score": score,
            "folder": f"trained/{digest}",
        }
        log.info("training %s: %s", folder_of(place), arch)
        try:
            found = train_to_folder(
                functools.partial(_built, space, arch),
                images,
                folder / row["folder"],
                network=arch,
                origin=origin,
                protocol=protocol,
                seed=problem.seed,
                about={"space": space.name},
                code=code,
                device=problem.device,
            )
            last = found.iloc[-1]
            row |= {key: last[key] for key in ("valid_accuracy", "test_accuracy", "seconds")}
        except NaswotError as error:
            log.warning("%s: %s", folder_of(place), error)
            row["note"] = str(error)
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    with replacing(folder / FILE) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    return table


def _built(space: ChoiceSpace, arch: str, classes: int) -> nn.Module:
    return space.build(arch, classes)


def agreement(trained: pd.DataFrame, epochs: int, images: str) -> str:
    """Say how well the order by score agrees with validation accuracies after a brief training.

    Args:
        trained: what `train_best` returned.
        epochs, images: what the networks were trained for, and on.
    """
    known = trained[trained["valid_accuracy"].notna()]
    if known.empty:
        return "None of the networks could be trained; trained.csv says why."
    best = known.loc[known["valid_accuracy"].idxmax()]
    listed = ", ".join(
        f"{folder_of(row.place)} {row.valid_accuracy:.1f} %" for row in known.itertuples()
    )
    pairs = [
        np.sign(a.score - b.score) * np.sign(a.valid_accuracy - b.valid_accuracy)
        for a, b in itertools.combinations(known.itertuples(), 2)
    ]
    agreed = sum(pair > 0 for pair in pairs)
    text = (
        f"Validation accuracy after {epochs} epoch{'s' if epochs > 1 else ''} on {images}: "
        f"{listed}. "
        f"{folder_of(int(best['place']))} holds up best, with {best['test_accuracy']:.1f} % of "
        "the test images."
    )
    if pairs:
        text += (
            f" The score and this accuracy put {agreed} of {len(pairs)} pairs in the same order; a "
            "few brief trainings cannot say more."
        )
    return text
