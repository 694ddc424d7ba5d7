"""The command `naswot train`: what it leaves, how it goes on, and what it refuses."""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from needs import lacking
from PIL import Image

from naswot.cli.main import main
from naswot.images import digits
from naswot.io.parquet import read_metadata, read_parquet
from naswot.spaces import SPACES

ROOT = Path(__file__).resolve().parents[3]
FILES = ["README.md", "training.csv", "training.parquet", "training.png", "weights.pt"]
TIMES = ["seconds", "eval_seconds"]
NETS = """
import torch
from torch import nn


def small(num_classes, width=8, last=nn.Identity):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.2), nn.Flatten(), nn.LazyLinear(num_classes), last(),
    )


def linear(classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))


def seven():
    return small(7)


def frozen(num_classes):
    return small(num_classes, last=nn.Identity)[:3].requires_grad_(False)


class Late(nn.Module):
    def forward(self, x):
        return x / (len(x) < 3 or 1 // 0)


def late(num_classes):
    return small(num_classes, last=Late)


def wide(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(10, num_classes))


def raising():
    raise RuntimeError("no weights for this")


built = small(10)
"""
FEW = ("--dataset", "digits", "--image-size", 8, "--train-images", 300, "--threads", 1)
SMALL = ("train", "nets:small", *FEW, "--epochs", 3)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in a folder of its own, with the module `nets` in it."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    before = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


@pytest.fixture
def run(here, forget, capsys):
    """Return a function that runs the command in this process: exit code, stdout, stderr."""

    def call(*arguments):
        forget()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def start(*arguments, first="", **options):
    """Return a started process of the command; `first` is code that runs before it."""
    code = f"{first}\nimport sys; from naswot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        **options,
    )


def rows_of(folder) -> pd.DataFrame:
    return read_parquet(Path(folder) / "training.parquet").drop(columns=TIMES)


def weights_of(folder) -> dict[str, torch.Tensor]:
    return torch.load(Path(folder) / "weights.pt", weights_only=True)


def assert_same(one, other):
    pd.testing.assert_frame_equal(rows_of(one), rows_of(other))
    weights, others = weights_of(one), weights_of(other)
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def accuracy_of(network, folder) -> float:
    """Return what plain torch makes of the weights: percent of digits' test images."""
    network.load_state_dict(weights_of(folder))
    (train, _), (test, labels) = digits.read(8), digits.read(8, train=False)
    images = torch.from_numpy((test - train.mean()) / train.std()).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        found = network.eval()(images).argmax(1).numpy()
    return 100 * (found == labels).mean()


def test_a_training_leaves_its_weights_table_picture_and_page(run, here, monkeypatch):
    texts, close = [], plt.close
    monkeypatch.setattr(
        plt,
        "close",
        lambda one: (texts.extend(t.get_text() for t in one.findobj(plt.Text)), close(one)),
    )
    code, out, err = run(*SMALL, "--output", "out")
    assert (code, sorted(os.listdir("out"))) == (0, FILES)
    rows = rows_of("out")
    assert rows["epoch"].tolist() == [0, 1, 2, 3]
    last = rows.iloc[-1]
    assert last["test_accuracy"] > 60
    assert out.startswith(f"out: {last['test_accuracy']:.2f} % of the test images, ")
    assert [line.partition(",")[0] for line in err.splitlines()] == [
        f"out: epoch {epoch} of 3" for epoch in (1, 2, 3)
    ]
    assert f"loss {last['train_loss']:.3f}" in err.splitlines()[-1]
    assert f"validation accuracy {last['valid_accuracy']:.2f} %" in err.splitlines()[-1]
    pd.testing.assert_frame_equal(
        pd.read_csv("out/training.csv"), read_parquet("out/training.parquet")
    )
    about = read_metadata("out/training.parquet")
    assert (about["train_images"], about["valid_images"], about["test_images"]) == (300, 30, 599)
    assert (about["learning_rate"], about["augment"]) == (0.025, False)

    import nets

    network = nets.small(10)
    network(torch.zeros(2, 3, 8, 8))
    assert about["params"] == sum(p.numel() for p in network.parameters())
    assert accuracy_of(network, "out") == pytest.approx(last["test_accuracy"], abs=1e-9)
    for value in weights_of("out").values():
        assert (value.device.type, value.is_contiguous()) == ("cpu", True)
        assert value.dtype in (torch.float32, torch.int64)
    page = Path("out/README.md").read_text(encoding="utf-8")
    command = "naswot train nets:small --dataset digits --image-size 8 --train-images 300 "
    for told in (
        f"    {command}--threads 1 --epochs 3 --output out\n",
        f"test {last['test_accuracy']:.2f} %",
        f"{about['params']:,} trainable parameters",
        "300 for training, 30 for validation, 599 for the test; 8×8 pixels, 10 classes",
        f"torch {version('torch')}",
    ):
        assert told in page
    assert f"test {last['test_accuracy']:.2f} %" in texts
    with Image.open("out/training.png") as picture:
        assert picture.width > 1000


def test_a_finished_training_stays_and_what_is_lost_of_its_report_comes_back(run, here):
    run(*SMALL, "--output", "out")
    whole = {name: (here / "out" / name).read_bytes() for name in FILES}
    (here / "out/README.md").unlink()
    (here / "out/training.png").unlink()
    before = (here / "out/weights.pt").stat()
    code, _, err = run(*SMALL, "--output", "out")
    assert (code, err) == (0, "out is finished: there is nothing to do\n")
    assert (here / "out/weights.pt").stat() == before
    for name in FILES:
        assert (here / "out" / name).read_bytes() == whole[name], name
    # Where it was trained is of no interest any more.
    assert run(*SMALL[:-2], "--epochs", 3, "--threads", 2, "--output", "out")[0] == 0
    (here / "out/weights.pt").unlink()
    code, _, err = run(*SMALL, "--output", "out")
    assert "out lacks weights.pt; training again" in err
    assert weights_of("out")


SLOW = """
import time, torch
step = torch.optim.SGD.step
torch.optim.SGD.step = lambda *a, **k: (time.sleep(0.05), step(*a, **k))[1]
"""


def stop(here, with_signal: int, *arguments) -> subprocess.Popen:
    """Return the ended process of a command that was stopped in the middle of its second epoch."""
    process = start(*arguments, first=SLOW, cwd=here)
    while process.poll() is None and not (here / "stopped/training.checkpoint").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(with_signal)
    process.wait()
    return process


@pytest.mark.parametrize("network", ["nets:small", "nets:linear"])
def test_a_killed_training_goes_on_to_the_same_numbers_and_weights(run, here, network):
    how = ("train", network, *FEW, "--epochs", 6)
    run(*how, "--output", "whole")
    process = stop(here, signal.SIGKILL, *how, "--output", "stopped")
    assert process.returncode == -signal.SIGKILL
    assert os.listdir("stopped") == ["training.checkpoint"]
    code, _, err = run(*how, "--output", "stopped")
    assert code == 0
    assert "resuming after epoch" in err
    assert sorted(os.listdir("stopped")) == FILES
    assert_same("whole", "stopped")


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_says_how_to_go_on(here, with_signal):
    process = stop(here, with_signal, *SMALL, "--output", "stopped")
    assert process.returncode == 130
    last = process.stderr.read().splitlines()[-1]
    assert last == (
        "naswot: interrupted; to go on after the last complete epoch: naswot train nets:small "
        "--dataset digits --image-size 8 --train-images 300 --threads 1 --epochs 3 --output stopped"
    )


@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_of_other_settings_is_refused(run, here, finished):
    if finished:
        run(*SMALL, "--output", "stopped")
    else:
        stop(here, signal.SIGKILL, *SMALL, "--output", "stopped")
    before = {path.name: path.read_bytes() for path in (here / "stopped").iterdir()}
    for changes, named in [
        (("--epochs", 4), "epochs = 3, now 4"),
        (("--seed", 1, "--no-augment"), "seed = 0, now 1"),
        (("--learning-rate", 0.1), "learning_rate = 0.025, now 0.1"),
        (("--train-images", 310), "train_images = 300, now 310; valid_images = 30, now 31"),
        (("--factory-args", "width=9"), "arguments = {}, now {'width': 9}"),
    ]:
        code, out, err = run(*SMALL, *changes, "--output", "stopped")
        assert (code, out) == (1, "")
        cure = "Use the earlier settings, name another --output, or delete the folder."
        assert err == f"naswot: stopped holds a training with {named}. {cure}\n"
    with (here / "nets.py").open("a") as stream:
        stream.write("\n# another thought\n")
    code, _, err = run(*SMALL, "--output", "stopped")
    assert code == 1
    assert "a training with other code of the network. Use" in err
    assert before == {path.name: path.read_bytes() for path in (here / "stopped").iterdir()}


def test_files_of_something_else_are_not_replaced(run, here):
    (here / "mine").mkdir()
    (here / "mine/README.md").write_text("my notes")
    code, _, err = run(*SMALL, "--output", "mine")
    assert code == 1
    assert "mine has a README.md of something else, which would be replaced: name another" in err
    assert os.listdir("mine") == ["README.md"]
    code, _, err = run(*SMALL, "--output", "nets.py")
    assert (code, err.count("\n")) == (1, 1)
    assert "nets.py is a file, not a folder" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nets:seven"], "nets:seven: it has 7 outputs per image, and there are 10 classes"),
        (["nets:frozen"], "nets:frozen: it has no parameters that require a gradient"),
        (["nets:wide"], "nets:wide: it fails on images of 3×8×8 (RuntimeError"),
        (["nets:late"], "nets:late cannot be trained (ZeroDivisionError"),
        (["nets:raising"], "nets:raising: it cannot be built: its factory raises RuntimeError"),
        (["nets:built"], "nets:built is an existing network, whose first weights"),
        (["nets:smal"], "Did you mean small?"),
        (["absent.py:build"], "absent.py cannot be imported (FileNotFoundError"),
        (["--arch", "|nor_conv_3x3~0|"], "is not a NAS-Bench-201 cell of the form"),
        (["--arch", "8:8:8:8:9", "--space", "natsbench_sss"], "8:8:8:8:9"),
        (["--arch", "8:8:8:8:8", "--space", "none"], "no search space 'none'"),
        (["nets:small", "--dataset", "photos"], "'photos' have no labels to train on"),
        (["nets:small", "--dataset", "cats"], "no images 'cats'; there are"),
        (["nets:small", "--dataset", "cifar10", "--image-size", "8"], "32 pixels wide, not 8"),
        (["nets:small", "--dataset", "cifar10", "--image-size", "32"], "need a directory"),
        (["nets:small", "--train-images", "1198"], "there are 1,198 training images of digits"),
        (["nets:small", "--device", "cuda:77"], "device is 'cuda:77'"),
    ],
)
def test_mistakes_end_with_one_line_and_leave_nothing(run, here, arguments, message):
    code, out, err = run("train", *FEW, "--output", "out", *arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("naswot: ")
    assert err.count("\n") == 1
    assert not (here / "out").exists()


def test_folders_that_cannot_be_trained_on_are_named(run, here):
    picture = Image.new("RGB", (9, 9))
    for name in ("empty", "one/cat", "two/cat", "two/dog"):
        (here / name).mkdir(parents=True)
    for number in range(4):
        picture.save(here / f"one/cat/{number}.png")
    for folder, message in [
        ("absent", "absent is not a folder of images"),
        ("empty", "empty has no folders of images, one for each class, to train on"),
        ("one", "one has no folders of images, one for each class, to train on"),
        ("two", "two has no folders of images, one for each class, to train on"),
    ]:
        code, _, err = run("train", "nets:small", "--images", folder, "--output", "out")
        assert (code, err.count("\n")) == (1, 1)
        assert message in err
        assert not (here / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nets:small", "--arch", "8:8:8:8:8"),
        (),
        ("nets:small", "--space", "nasbench201"),
        ("nets:small", "--learning-rate", "0"),
        ("nets:small", "--epochs", "0"),
        ("nets:small", "--images", "here"),
    ],
)
def test_wrong_options_end_with_2(run, arguments):
    with pytest.raises(SystemExit, match="2"):
        run("train", *FEW, "--output", "out", *arguments)


def test_an_architecture_of_a_space_is_trained(run):
    arch = "8:8:8:8:8"
    code, _, _ = run("train", "--arch", arch, *FEW, "--epochs", 1, "--output", "out")
    assert code == 0
    about = read_metadata("out/training.parquet")
    assert (about["network"], about["space"]) == (arch, "natsbench_sss")
    found = accuracy_of(SPACES["natsbench_sss"].build(arch, 10), "out")
    assert found == pytest.approx(rows_of("out")["test_accuracy"].iloc[-1], abs=1e-9)


def test_a_file_s_function_is_trained_on_a_folder_of_pictures(run, here):
    """Red and blue pictures: even a linear network tells them apart after an epoch or two."""
    generator = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (here / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = np.clip(generator.normal(colour, 25, (12, 10, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(here / f"photos/{name}/{number}.png")
    (here / "made").mkdir()
    shutil.copy("nets.py", "made/network.py")
    how = ("--images", "photos", "--image-size", 8, "--epochs", 3, "--threads", 1)
    code, _, _ = run("train", "made/network.py:linear", *how, "--output", "out")
    assert code == 0
    about = read_metadata("out/training.parquet")
    counts = [about[f"{part}_images"] for part in ("train", "valid", "test")]
    assert (counts, about["names"], about["augment"]) == ([36, 4, 20], ["blue", "red"], True)
    assert rows_of("out")["test_accuracy"].iloc[-1] == 100
    assert "0 `blue`; 1 `red`" in Path("out/README.md").read_text(encoding="utf-8")
    shutil.move("photos", "moved")  # the same pictures elsewhere
    moved = ("--images", "moved", *how[2:])
    code, _, err = run("train", "made/network.py:linear", *moved, "--output", "out")
    assert (code, err) == (0, "out is finished: there is nothing to do\n")


@pytest.mark.parametrize("kilobytes", [16, 64])
def test_a_full_disk_is_one_message_and_leaves_no_partial_file(here, kilobytes):
    """On a real, tiny file system: too small for the checkpoint, or for the picture."""
    (here / "disk").mkdir()
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs disk"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def shell(command):
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", command],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    if shutil.which("unshare") is None or shell(mount).returncode:
        lacking("this system does not let us mount a file system of our own")
    command = " ".join(map(str, [sys.executable, "-m", "naswot", *SMALL, "--output", "disk/out"]))
    done = shell(f"{mount} && {command}; echo code $?; ls -A disk/out")
    code, *files = done.stdout.splitlines()
    assert code == "code 1"
    last = done.stderr.splitlines()[-1]
    assert "cannot be written: No space left on device. Free some space" in last
    assert not [name for name in files if name.startswith(".")]
    assert files == (
        [] if kilobytes == 16 else ["training.checkpoint", "training.csv", "weights.pt"]
    )
