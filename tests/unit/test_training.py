"""A training gives the same numbers every time, whatever looks at it or interrupts it."""

import logging
import math
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, write_parquet
from naswot.images import write_mini_batch
from naswot.images.labelled import divide
from naswot.scores.base import Options, copied
from naswot.scores.naswot import hamming_kernel, score
from naswot.spaces import get_space
from naswot.training import images
from naswot.training.images import Data, Part
from naswot.training.job import train_one
from naswot.training.loop import COLUMNS, EvalMode, current_score, train_network
from naswot.training.protocol import Protocol

TIMES = ["seconds", "eval_seconds"]
PLAIN = {
    "epochs": 4,
    "batch_size": 32,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "augment": False,
    "precision": "float32",
    "evaluations": 2,
}


def small(classes: int, dropout: float = 0.0, view: bool = False) -> nn.Module:
    class Viewed(nn.Module):
        def forward(self, x):
            return x.view(len(x), -1)

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(dropout),
        Viewed() if view else nn.Flatten(), nn.Linear(256, classes),
    )  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Data:
    return Data.of(divide("digits", None, 8, 0, 300, 100), torch.device("cpu"))


@pytest.fixture
def train(data, noise):
    """Return a function that trains a small network under changes of the plain protocol."""

    def run(build=small, **changes) -> pd.DataFrame:
        return train_network(build, data, noise(16), Protocol(**PLAIN | changes), seed=3)

    return run


def test_the_loss_falls_and_digits_are_told_apart(train):
    table = train()
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS
    assert table["epoch"].tolist() == [0, 0.5, 1, 1.5, 2, 3, 4]
    assert table["train_loss"].isna().tolist() == [True] + [False] * 6
    assert table["train_loss"].iloc[-1] < table["train_loss"].iloc[1] / 3
    assert table["test_accuracy"].iloc[0] < 30
    assert table[["valid_accuracy", "test_accuracy", "train_accuracy"]].iloc[-1].min() > 80
    assert (table["seconds"].diff().iloc[1:] > 0).all()


@pytest.mark.parametrize("augment", [False, True])
def test_the_same_seed_gives_the_same_numbers(train, augment):
    tables = [train(partial(small, dropout=0.2), augment=augment) for _ in range(2)]
    pd.testing.assert_frame_equal(*(table.drop(columns=TIMES) for table in tables))


def test_looking_at_a_network_does_not_change_its_training(train):
    """A network that draws random numbers would tell, and so would batch statistics."""
    build, seen = (
        partial(small, dropout=0.3),
        ["valid_accuracy", "test_accuracy", "score", "score_eval"],
    )
    seldom, often = train(build, evaluations=1), train(build, evaluations=9)
    often = often[often["epoch"].isin(seldom["epoch"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(seldom[["steps", *seen]], often[["steps", *seen]])


def test_scoring_leaves_weights_statistics_mode_and_generator_as_they_were(noise):
    network = small(10, dropout=0.5).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    for one in (network, EvalMode(network)):
        current_score(one, noise(16), Options())
    assert torch.equal(state, torch.get_rng_state())
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_first_score_is_that_of_the_untrained_network(train, noise):
    table = train()
    torch.manual_seed(3)
    assert table.loc[0, "score"] == score(small(1), noise(16)).value


def test_in_eval_mode_batch_statistics_do_not_count(noise):
    """Scored so, the codes of some images are the same whatever others there are."""
    torch.manual_seed(0)
    network, shown = small(1), noise(16)
    network(10 * noise(64, seed=1) + 2)  # statistics far from those of the images shown
    kernels = [
        hamming_kernel(copied(one), images)[0]
        for one in (EvalMode(network), network)
        for images in (shown, shown[:8])
    ]
    assert torch.equal(kernels[0][:8, :8], kernels[1])
    assert not torch.equal(kernels[2][:8, :8], kernels[3])


def test_a_network_without_rectifiers_can_be_trained(train):
    table = train(lambda classes: nn.Sequential(nn.Flatten(), nn.Linear(192, classes)))
    assert table[["score", "score_eval"]].isna().all(axis=None)
    assert table["test_accuracy"].iloc[-1] > 70


def test_a_network_that_uses_view_can_be_trained(train):
    assert train(partial(small, view=True))["test_accuracy"].iloc[-1] > 80


def test_a_network_that_fails_on_the_images_is_a_mistake_to_name(train):
    with pytest.raises(NaswotError, match=r"fails on images of 3×8×8 \(RuntimeError"):
        train(lambda classes: nn.Sequential(nn.Flatten(), nn.Linear(5, classes)))


def test_a_training_that_diverges_is_kept_and_told(train, caplog):
    with caplog.at_level(logging.WARNING, "naswot"):
        table = train(learning_rate=1e30)
    assert len(table) == 7
    assert table["train_loss"].iloc[2:].isna().all()
    assert "the loss is nan in epoch 1" in caplog.text


def test_bfloat16_trains_too(train):
    exact, rounded = train(), train(precision="bfloat16")
    assert (exact["train_loss"] != rounded["train_loss"]).any()
    assert rounded["test_accuracy"].iloc[-1] > 80


@pytest.mark.slow
def test_a_plain_cell_tells_nine_of_ten_digits(data, noise):
    arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    protocol = Protocol(**PLAIN | {"epochs": 10, "learning_rate": 0.1, "evaluations": 1})
    build = partial(get_space("nasbench201").build, arch)
    assert train_network(build, data, noise(16), protocol, 0)["test_accuracy"].iloc[-1] > 90


@pytest.fixture
def task(tmp_path):
    """Return the arguments of a small training job, as text that a process of its own can run."""
    listed = pd.DataFrame({"index": [7, 8], "arch": ["8:8:8:8:8", "16:8:8:8:8"]})
    write_parquet(listed, tmp_path / "networks.parquet", {"space": "natsbench_sss"})
    images.write_images(
        tmp_path / "images.npz",
        name="digits",
        directory=None,
        size=8,
        seed=0,
        train_images=300,
        valid_images=50,
    )
    write_mini_batch(tmp_path / "batch.npz", name="digits", count=16, size=8, seed=0)
    places = [str(tmp_path / name) for name in ("images.npz", "batch.npz")]
    before = torch.get_num_threads()

    def arguments(output: str, **changes) -> tuple[list, dict]:
        protocol = PLAIN | {"epochs": 8, "augment": True} | changes
        how = {"protocol": protocol, "seed": 1, "precision": "float32", "relu_count": "once"}
        return [str(tmp_path / "networks.parquet"), 1, *places, str(tmp_path / output)], how

    yield arguments
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


def test_a_killed_training_goes_on_to_the_same_table(task, tmp_path, caplog):
    positional, how = task("whole.parquet")
    train_one(*positional, **how)
    positional, how = task("killed.parquet")
    output, checkpoint = tmp_path / "killed.parquet", tmp_path / "killed.parquet.checkpoint"
    script = f"from naswot.training.job import train_one; train_one(*{positional!r}, **{how!r})"
    # Slow steps, so that the process is in the middle of an epoch when it is killed.
    slow = "import time, torch; step = torch.optim.SGD.step\n"
    slow += "torch.optim.SGD.step = lambda *a, **k: (time.sleep(0.05), step(*a, **k))[1]\n"
    process = subprocess.Popen([sys.executable, "-c", slow + script])
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not output.exists()
    with caplog.at_level(logging.INFO, "naswot"):
        train_one(*positional, **how)
    assert "going on after epoch" in caplog.text
    tables = [read_parquet(tmp_path / name) for name in ("whole.parquet", "killed.parquet")]
    pd.testing.assert_frame_equal(*(table.drop(columns=TIMES) for table in tables))
    assert not checkpoint.exists()
    about = read_metadata(output)
    assert about == read_metadata(tmp_path / "whole.parquet")
    assert (about["space"], about["index"], about["arch"]) == ("natsbench_sss", 8, "16:8:8:8:8")
    assert about["train_images"] == 300


@pytest.mark.parametrize(
    ("damage", "message"), [(False, "is of other settings"), (True, "is damaged")]
)
def test_a_checkpoint_that_does_not_fit_is_left_aside(task, tmp_path, caplog, damage, message):
    positional, how = task("other.parquet", epochs=1)
    kept = tmp_path / "other.parquet.checkpoint"

    def keep(self):
        kept.rename(tmp_path / "kept")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("naswot.training.checkpoint.Checkpoint.remove", keep)
        train_one(*positional, **how)
    (tmp_path / "kept").rename(kept)
    if damage:
        kept.write_bytes(kept.read_bytes()[:-5000])
    positional, how = task("other.parquet", epochs=1, weight_decay=5e-4 if damage else 0.01)
    with caplog.at_level(logging.WARNING, "naswot"):
        train_one(*positional, **how)
    assert message in caplog.text
    again = read_parquet(tmp_path / "other.parquet")
    (tmp_path / "other.parquet").unlink()
    train_one(*positional, **how)
    fresh = read_parquet(tmp_path / "other.parquet")
    pd.testing.assert_frame_equal(again.drop(columns=TIMES), fresh.drop(columns=TIMES))


@given(st.integers(2, 70), st.integers(2, 40))
def test_an_epoch_shows_each_image_once(count, batch_size):
    part = Part(torch.arange(count).view(-1, 1, 1, 1).expand(-1, 2, 2, 3), torch.arange(count))
    drawn = list(images.batches(part, batch_size, False, torch.Generator().manual_seed(0)))
    assert len(drawn) == images.steps_in(part, batch_size)
    assert all(len(labels) > 1 for _, labels in drawn)
    for pixels, labels in drawn:
        assert torch.equal(pixels[:, 0, 0, 0], labels)
    shown = torch.cat([labels for _, labels in drawn]).tolist()
    assert len(set(shown)) == len(shown) == count - (count % batch_size == 1)


def test_augmented_images_are_shifted_mirrored_and_black_where_nothing_is():
    pixels = torch.randint(1, 255, (60, 16, 16, 3), dtype=torch.uint8)
    changed = images.augment(pixels, torch.Generator().manual_seed(0))
    kinds = set()
    for before, after in zip(pixels.numpy(), changed.numpy(), strict=True):
        padded = np.zeros((20, 20, 3), np.uint8)
        padded[2:18, 2:18] = before
        found = [
            (top, left, mirrored)
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
            if np.array_equal(
                padded[top : top + 16, left : left + 16][:, :: -1 if mirrored else 1], after
            )
        ]
        assert len(found) == 1
        kinds.add(found[0])
    assert len(kinds) > 25
    assert {mirrored for *_, mirrored in kinds} == {False, True}


def test_the_learning_rate_is_half_a_cosine():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)
    for step in range(40):
        assert math.isclose(Protocol(**PLAIN).rate(step, 40), schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 5))
def test_a_network_is_looked_at_after_every_epoch_and_more_often_at_first(steps, often, epochs):
    looks = Protocol(**PLAIN | {"evaluations": often, "epochs": epochs}).looks(steps)
    assert list(looks) == sorted(looks)
    assert set(range(epochs + 1)) <= set(looks.values())
    assert max(looks) == steps * epochs
    early = [time for time in looks.values() if time < min(2, epochs)]
    assert len(early) == min(often, steps) * min(2, epochs)
    assert len(looks) == len(early) + max(0, epochs - 2) + 1
