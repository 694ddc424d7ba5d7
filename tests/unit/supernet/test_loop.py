"""A whole search gives the same result every time, however it is interrupted."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from naswot.images.labelled import divide
from naswot.spaces.nasbench201 import genes
from naswot.supernet import METHODS, loop
from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.loop import compare, share
from naswot.supernet.protocol import PUBLISHED, changed
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import Data

SMALL = {
    "channels": 4, "cells": 1, "epochs": 3, "candidates": 4, "batch_size": 20,
    "selection_images": 30, "controller": {"steps": 2, "samples": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    """Digits: 61 of each half, so that one image is left over."""
    return Data.of(divide("digits", None, 8, 0, 61, 61), torch.device("cpu"))


def search(data, method, **changes):
    options = {name: changes.pop(name) for name in ("checkpoint",) if name in changes}
    protocol = changed(PUBLISHED[method], SMALL | changes)
    return share(nasbench201(4, 1), data, method, protocol, seed=5, **options)


def results(found):
    return found.rows.drop(columns="seconds"), found.architecture


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_search_ends_with_the_same_numbers(method, data, tmp_path, monkeypatch):
    whole = search(data, method)
    checkpoint = Checkpoint(tmp_path / "kept", {})
    train, calls = loop._train_epoch, []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr(loop, "_train_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        search(data, method, checkpoint=checkpoint)
    resumed = search(data, method, checkpoint=checkpoint)
    assert len(calls) == 4
    pd.testing.assert_frame_equal(results(whole)[0], results(resumed)[0])
    assert whole.architecture == resumed.architecture
    for one, other in zip(whole.searcher.weights, resumed.searcher.weights, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_each_epoch_has_a_row(method, data):
    found = search(data, method)
    rows = found.rows
    assert rows["epoch"].tolist() == [1, 2, 3]
    assert rows["seconds"].is_monotonic_increasing
    assert found.seconds > rows["seconds"].iloc[-1]
    assert np.isfinite(rows["train_loss"]).all()
    assert rows["train_accuracy"].between(0, 100).all()
    assert len(genes(found.architecture)) == 6
    has_parameters = method not in ("rsps", "enas")
    assert rows["valid_loss"].notna().all() == has_parameters
    assert rows["best"].notna().all() == has_parameters
    if has_parameters:
        shares = np.array(rows["probabilities"].tolist()).reshape(3, 6, 5)
        np.testing.assert_allclose(shares.sum(axis=2), 1, rtol=1e-6)
        last = tuple(shares[-1].argmax(axis=1))
        assert genes(rows["best"].iloc[-1]) == last
        if method != "setn":
            assert genes(found.architecture) == last


@pytest.mark.parametrize("method", METHODS)
def test_a_search_that_diverges_stops_says_so_and_keeps_its_rows(method, data, caplog):
    found = search(data, method, learning_rate=1e20, clip=None, augment=False)
    assert found.architecture is None
    assert 1 <= len(found.rows) < 3
    assert found.diverged.startswith("diverged: ")
    assert found.diverged in caplog.text


def test_random_architectures_are_tried_with_the_weights_as_they_are(data):
    found = search(data, "rsps")
    before = [weight.clone() for weight in found.searcher.supernet.state_dict().values()]
    table = compare(found.searcher, data, seed=1, count=10)
    assert table["arch"].is_unique
    assert table["shared_accuracy"].between(0, 100).all()
    after = found.searcher.supernet.state_dict().values()
    assert all(torch.equal(*both) for both in zip(before, after, strict=True))


def test_a_space_of_ones_own_is_searched(data):
    def network(cell, classes):
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), cell(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(6, classes),
        )  # fmt: skip

    operations = {
        "zero": None,
        "depthwise": lambda width: nn.Conv2d(width, width, 3, padding=1, groups=width),
        "pool": lambda width: nn.MaxPool2d(3, 1, 1),
    }
    space = CellSpace(
        "mine", [(0, 1), (0, 2), (1, 2)], operations, network, partial(str.format, "{}")
    )
    for method in METHODS:
        protocol = changed(PUBLISHED[method], SMALL | {"epochs": 1})
        found = share(space, data, method, protocol, seed=0)
        assert found.architecture.count(",") == 2


def test_bfloat16_computes_passes_and_keeps_weights_in_float32(data):
    found = search(data, "darts_v1", precision="bfloat16", epochs=1)
    exact = search(data, "darts_v1", epochs=1)
    assert found.searcher.weights[0].dtype == torch.float32
    difference = abs(found.rows["train_loss"][0] - exact.rows["train_loss"][0])
    assert 0 < difference < 0.1
