"""A training gives the same numbers every time, however it is evaluated or interrupted."""

import logging
import math
import signal
import subprocess
import sys
import time
import types
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.images.labelled import divide
from naswot.io.parquet import read_metadata, read_parquet
from naswot.scores.base import Options
from naswot.scores.copying import copy_network
from naswot.scores.naswot import hamming_kernel, score
from naswot.spaces import SPACES, Space
from naswot.spaces.custom import _function, user_module
from naswot.stages.draw_batch import draw_batch
from naswot.training import images, loop
from naswot.training.checkpoint import Checkpoint
from naswot.training.evaluation import EvalMode, accuracy, current_score
from naswot.training.images import Data, Part
from naswot.training.job import train_one
from naswot.training.loop import COLUMNS, train_network
from naswot.training.protocol import Protocol
from naswot.workflow.custom_spaces import catalogue_of

TIMES = ["seconds", "eval_seconds"]
PLAIN = {
    "epochs": 4,
    "batch_size": 32,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "augment": False,
    "precision": "float32",
    "evaluations_per_epoch": 2,
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
        return train_network(build, data, noise(16), Protocol(**PLAIN | changes), seed=3)[1]

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


def reference(build, data: Data, how: Protocol, seed: int) -> pd.DataFrame:
    """Return what plain torch makes of a training: a row an epoch."""
    torch.manual_seed(seed)
    network = build(data.classes).to(memory_format=torch.channels_last)
    weights, rows = network.parameters(), []
    optimiser = torch.optim.SGD(weights, how.learning_rate, 0.9, 0, how.weight_decay, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, how.epochs * 10)
    for epoch in range(how.epochs):
        number = int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)
        losses = []
        for chosen in torch.randperm(300, generator=generator).split(how.batch_size):
            pixels = data.train.pixels[chosen]
            pixels = images.augment(pixels, generator) if how.augment else pixels
            logits = network.train()(data.normalised(pixels, torch.channels_last))
            loss = functional.cross_entropy(logits, data.train.labels[chosen], reduction="none")
            optimiser.zero_grad()
            loss.mean().backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
        row = {"train_loss": torch.cat(losses).mean().item()}
        for name in ("train", "valid", "test"):
            part = getattr(data, name)
            told = network.eval()(data.normalised(part.pixels, torch.channels_last)).argmax(1)
            row[f"{name}_accuracy"] = 100 * (told == part.labels).double().mean().item()
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("augment", [False, True])
def test_a_training_is_what_plain_torch_makes_of_it(data, noise, augment):
    protocol = Protocol(
        **PLAIN | {"augment": augment, "weight_decay": 0.02, "evaluations_per_epoch": 1}
    )
    build = partial(small, dropout=0.3)
    expected = reference(build, data, protocol, 3)
    found = train_network(build, data, noise(16), protocol, 3)[1].iloc[1:].reset_index(drop=True)
    for name in ("train_loss", "valid_accuracy", "test_accuracy"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, err_msg=name)
    train, valid, test = (expected[f"{name}_accuracy"] for name in ("train", "valid", "test"))
    for one, other in ((train, valid), (valid, test), (test, train)):
        assert (one - other).abs().max() > 1  # one part cannot pass for another


class Drawing(nn.Module):
    """A network that drops out in either mode, as functions do that are not told the mode."""

    def __init__(self, classes: int):
        super().__init__()
        self.layers, self.last = nn.Linear(192, 40), nn.Linear(40, classes)

    def forward(self, x):
        return self.last(functional.relu(functional.dropout(self.layers(x.flatten(1)), 0.3)))


@pytest.mark.parametrize("build", [partial(small, dropout=0.3), Drawing])
def test_evaluating_a_network_does_not_change_its_training(train, build):
    """A network that draws random numbers would tell, and so would batch statistics."""
    seen = ["valid_accuracy", "test_accuracy", "score", "score_eval"]
    seldom, often = train(build, evaluations_per_epoch=1), train(build, evaluations_per_epoch=9)
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


@pytest.mark.parametrize("build", [small, Drawing])
def test_the_first_score_is_that_of_the_untrained_network(train, noise, build):
    table = train(build)
    torch.manual_seed(3)
    assert table.loc[0, "score"] == score(build(10), noise(16)).value


def test_in_eval_mode_batch_statistics_do_not_count(noise):
    """Scored so, the codes of some images are the same whatever others there are."""
    torch.manual_seed(0)
    network, batch = small(1), noise(16)
    network(10 * noise(64, seed=1) + 2)  # statistics far from those of the batch
    kernels = [
        hamming_kernel(copy_network(one), images)[0]
        for one in (EvalMode(network), network)
        for images in (batch, batch[:8])
    ]
    assert torch.equal(kernels[0][:8, :8], kernels[1])
    assert not torch.equal(kernels[2][:8, :8], kernels[3])


def test_a_network_without_relus_can_be_trained(train):
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
    protocol = Protocol(**PLAIN | {"epochs": 10, "learning_rate": 0.1, "evaluations_per_epoch": 1})
    build = partial(SPACES["nasbench201"].build, arch)
    _, table = train_network(build, data, noise(16), protocol, 0)
    assert table["test_accuracy"].iloc[-1] > 90


@pytest.fixture
def task(tmp_path):
    """Return the arguments of a small training job, as text that a process of its own can run."""
    images.split_images(
        tmp_path / "images.npz",
        name="digits",
        directory=None,
        size=8,
        seed=0,
        train_images=300,
        valid_images=50,
    )
    draw_batch(tmp_path / "batch.npz", name="digits", count=16, size=8, seed=0)
    places = [str(tmp_path / name) for name in ("images.npz", "batch.npz")]
    before = torch.get_num_threads()

    def arguments(output: str, space=SPACES["natsbench_sss"], arch="16:8:8:8:8", **changes):
        protocol = PLAIN | {"epochs": 8, "augment": True} | changes
        how = {"protocol": protocol, "seed": 1, "precision": "float32", "relu_count": "once"}
        return [space, 8, arch, *places, str(tmp_path / output)], how

    yield arguments
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


def test_a_killed_training_goes_on_to_the_same_table(task, tmp_path, caplog):
    positional, how = task("whole.parquet")
    train_one(*positional, **how)
    positional, how = task("killed.parquet")
    output, checkpoint = tmp_path / "killed.parquet", tmp_path / "killed.parquet.checkpoint"
    script = "from naswot.spaces import SPACES; from naswot.training.job import train_one; "
    script += f"train_one(SPACES['natsbench_sss'], *{positional[1:]!r}, **{how!r})"
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
    assert "resuming after epoch" in caplog.text
    tables = [read_parquet(tmp_path / name) for name in ("whole.parquet", "killed.parquet")]
    pd.testing.assert_frame_equal(*(table.drop(columns=TIMES) for table in tables))
    assert not checkpoint.exists()
    about = read_metadata(output)
    assert about == read_metadata(tmp_path / "whole.parquet")
    assert (about["space"], about["index"], about["arch"]) == ("natsbench_sss", 8, "16:8:8:8:8")
    assert about["train_images"] == 300


def test_the_precision_of_the_score_may_be_left_to_the_machine(task, tmp_path):
    positional, how = task("auto.parquet", epochs=1)
    train_one(*positional, **how | {"precision": "auto"})
    assert read_metadata(tmp_path / "auto.parquet")["precision"] in ("float32", "bfloat16")


@pytest.fixture
def stopped(task, tmp_path, monkeypatch):
    """Return a function that stops a training in its third epoch and returns its checkpoint."""

    def stop(output: str, **about) -> Path:
        left, step = 22, torch.optim.SGD.step

        def counted(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return step(*arguments, **options)

        positional, how = task(output, **about)
        with monkeypatch.context() as patch:
            patch.setattr(torch.optim.SGD, "step", counted)
            with pytest.raises(KeyboardInterrupt):
                train_one(*positional, **how)
        return tmp_path / f"{output}.checkpoint"

    return stop


def finish(task, output: str, **about) -> pd.DataFrame:
    positional, how = task(output, **about)
    train_one(*positional, **how)
    return read_parquet(positional[-1]).drop(columns=TIMES)


def test_a_checkpoint_of_other_settings_is_left_aside(task, stopped, caplog):
    stopped("other.parquet", epochs=3)
    again = finish(task, "other.parquet", epochs=3, weight_decay=0.01)
    assert "has other settings" in caplog.text
    fresh = finish(task, "fresh.parquet", epochs=3, weight_decay=0.01)
    pd.testing.assert_frame_equal(again, fresh)


def test_a_checkpoint_that_is_damaged_anywhere_is_left_aside(task, stopped, caplog):
    """Torch itself reads some of these without a word, and others with any kind of error."""
    path, fresh = stopped("hurt.parquet", epochs=3), finish(task, "fresh.parquet", epochs=3)
    whole = path.read_bytes()
    damaged = [b"", whole[:40], whole[: len(whole) // 2], whole[:-1], b"PK" + whole]
    for place in np.linspace(0, len(whole) - 64, 8).astype(int):
        damaged.append(whole[:place] + bytes(64) + whole[place + 64 :])
        damaged.append(whole[:place] + b"\xff" * 64 + whole[place + 64 :])
    for content in damaged:
        path.write_bytes(content)
        caplog.clear()
        assert Checkpoint(path, {}).load(dict, torch.device("cpu"), dict) is None
        assert "is damaged" in caplog.text
    pd.testing.assert_frame_equal(finish(task, "hurt.parquet", epochs=3), fresh)


def test_of_a_checkpoint_that_fits_by_half_nothing_is_loaded(data, noise, tmp_path, caplog):
    """The first layers fit, and so they would be loaded before the last one fails."""
    checkpoint, made = Checkpoint(tmp_path / "kept", {}), []

    def build(classes: int, width: int) -> nn.Module:
        made.append(small(classes))
        made[-1][-1] = nn.Sequential(nn.Linear(256, width), nn.Linear(width, classes))
        return made[-1]

    protocol = Protocol(**PLAIN | {"epochs": 1})
    how = {"data": data, "mini_batch": noise(16), "protocol": protocol, "seed": 3}
    train_network(partial(build, width=5), **how, checkpoint=checkpoint)
    _, again = train_network(partial(build, width=6), **how, checkpoint=checkpoint)
    assert "belongs to another network (RuntimeError" in caplog.text
    _, fresh = train_network(partial(build, width=6), **how)
    pd.testing.assert_frame_equal(again.drop(columns=TIMES), fresh.drop(columns=TIMES))


CUSTOM = """
from torch import nn
from widths import WIDTH

def build(arch, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(192, WIDTH), nn.ReLU(), {last})
"""
LAST = "nn.Dropout(0.4), nn.Linear(WIDTH, classes)"


@pytest.fixture
def custom(tmp_path, forget):
    """Return a function that makes a custom space with that last layer."""

    def make(last: str = LAST) -> Space:
        (tmp_path / "space.py").write_text(CUSTOM.format(last=last))
        (tmp_path / "widths.py").write_text("WIDTH = 20")
        (tmp_path / "list.csv").write_text("arch\none\ntwo\n")
        about = {"networks": str(tmp_path / "space.py"), "train": str(tmp_path / "list.csv")}
        training = {"images": "digits", "epochs": 3, "valid_images": 50}
        user_module.cache_clear()
        _function.cache_clear()
        forget()
        return catalogue_of({"mine": about}, training)["mine"].space

    return make


MINE = {"arch": "one", "epochs": 4}


def test_a_stopped_training_of_a_network_that_draws_goes_on_to_the_same_table(
    custom, task, stopped, caplog
):
    caplog.set_level(logging.INFO, "naswot")
    mine = MINE | {"space": custom()}
    stopped("mine.parquet", **mine)
    again = finish(task, "mine.parquet", **mine)
    assert "resuming after epoch 2" in caplog.text
    pd.testing.assert_frame_equal(again, finish(task, "fresh.parquet", **mine))


@pytest.mark.parametrize("file", ["space.py", "widths.py"])
def test_code_that_is_edited_in_between_trains_anew(custom, task, stopped, tmp_path, caplog, file):
    mine = MINE | {"space": custom()}
    stopped("mine.parquet", **mine)
    with (tmp_path / file).open("a") as stream:
        stream.write("\n# another thought\n")
    again = finish(task, "mine.parquet", **mine)
    assert "has other settings" in caplog.text
    pd.testing.assert_frame_equal(again, finish(task, "fresh.parquet", **mine))


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("nn.Linear(WIDTH, 7)", "it has 7 outputs per image, and there are 10 classes"),
        ("nn.Linear(WIDTH + 1, classes)", r"it fails on images of 3×8×8 \(RuntimeError"),
        ("nn.Unflatten(1, (2, 2, 5)), nn.Linear(5, 10)", "it has 40 outputs per image"),
        ("nn.Linear(WIDTH, 10)).requires_grad_(False", "it has no parameters that require"),
        (
            "nn.Linear(WIDTH, 10), Late()",
            "Sequential fails: ZeroDivisionError",
        ),
    ],
)
def test_a_network_of_the_user_s_that_cannot_be_trained_is_named(
    custom, task, tmp_path, last, message
):
    space = custom(last)
    with (tmp_path / "space.py").open("a") as stream:
        late = "def forward(self, x):\n        return x / (len(x) < 3 or 1 // 0)\n"
        stream.write(f"class Late(nn.Module):\n    {late}")
    positional, how = task("mine.parquet", space=space, **MINE)
    with pytest.raises(NaswotError, match=rf"architecture 8 \(one\):? {message}") as caught:
        train_one(*positional, **how)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mine.parquet").exists()


def test_seconds_are_those_of_steps_and_go_on_where_they_were(data, noise, tmp_path, monkeypatch):
    """On a clock that a step puts on by one and all else by much more."""
    now, stops, step, save = 0, 25, torch.optim.SGD.step, Checkpoint.save

    def passing(seconds, function):
        def timed(*arguments, **options):
            nonlocal now
            now += seconds
            if seconds == 1 and now % 1000 == stops:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return timed

    clock = types.SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop, "accuracy", passing(1000, accuracy))
    monkeypatch.setattr(torch.optim.SGD, "step", passing(1, step))
    monkeypatch.setattr(Checkpoint, "save", passing(1000, save))
    checkpoint = Checkpoint(tmp_path / "kept", {})
    how = (small, data, noise(16), Protocol(**PLAIN), 3, Options(), checkpoint)
    with pytest.raises(KeyboardInterrupt):
        train_network(*how)
    stops = None
    _, table = train_network(*how)
    assert table["seconds"].tolist() == table["steps"].tolist()
    assert (table["eval_seconds"] == 1000).all()


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
def test_a_network_is_evaluated_after_every_epoch_and_more_often_at_first(steps, often, epochs):
    protocol = Protocol(**PLAIN | {"evaluations_per_epoch": often, "epochs": epochs})
    evaluations = protocol.evaluations(steps)
    assert list(evaluations) == sorted(evaluations)
    assert set(range(epochs + 1)) <= set(evaluations.values())
    assert max(evaluations) == steps * epochs
    early = [time for time in evaluations.values() if time < min(2, epochs)]
    assert len(early) == min(often, steps) * min(2, epochs)
    assert len(evaluations) == len(early) + max(0, epochs - 2) + 1
