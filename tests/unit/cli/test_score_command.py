"""The command `naswot`: what it prints, writes and refuses, and its exit codes."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import naswot
from naswot.cli.main import main
from naswot.cli.render import as_csv, as_json, as_table
from naswot.scores import AGGREGATES, FAMILY_OF

OWN = Path(__file__).parents[2] / "support/own_networks.py"
# With --channels no network is built only to see what it takes.
FEW = ("--batch-size", "4", "--channels", "3")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in a folder of its own, with the modules `mynets` and `faulty` in it."""
    shutil.copy(OWN, tmp_path / "mynets.py")
    (tmp_path / "faulty.py").write_text("import absent_package\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit('usage: script')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return tmp_path


@pytest.fixture
def run(here, capsys):
    """Return a function that runs the command in this process: exit code, stdout, stderr."""

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def command(*arguments, **options):
    """Return the finished process of the command, run by itself."""
    return subprocess.run(
        [sys.executable, "-m", "naswot", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(OWN.parents[2])},
        timeout=300,
        **options,
    )


def test_a_table_is_printed_best_first(run):
    names = ["mynets:resnet", "mynets:MobileNetLike", "mynets:GoogLeNetLike", "mynets:ViTLike"]
    code, out, err = run("score", *names, *FEW)
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["rank", "network", "naswot", "seconds", "params"]
    found = [row.split() for row in rows[:4]]
    assert [row[0] for row in found] == ["1", "2", "3", "4"]
    assert {row[1] for row in found[:3]} == set(names[:3])
    values = [float(row[2]) for row in found[:3]]
    assert values == sorted(values, reverse=True)
    assert found[3][1:3] == ["mynets:ViTLike", "–"]
    assert "mynets:ViTLike: naswot: ViTLike calls no ReLU" in out
    assert "4 images of 32×32 pixels from photos, seed 0; cpu, float32; higher is better." in out


def test_json_csv_and_python_agree(run, here):
    arguments = ("mynets:resnet", "mynets:ViTLike", *FEW, "--image-size", 32)
    code, out, _ = run("score", *arguments, "--format", "json")
    first, second = json.loads(out)
    assert code == 0
    assert list(first) == ["network", "naswot", "seconds", "params", "note"]
    assert second["naswot"] is None
    code, out, _ = run("score", *arguments, "--output", "made/ranking.csv")
    assert (code, out) == (0, "")
    frame = pd.read_csv("made/ranking.csv")
    assert frame["network"].tolist() == ["mynets:resnet", "mynets:ViTLike"]
    assert frame["naswot"][0] == pytest.approx(first["naswot"], rel=1e-12)
    assert sorted(os.listdir("made")) == ["ranking.csv", "ranking.csv.settings.json"]

    from own_networks import resnet

    from naswot.images import mini_batch

    drawn = mini_batch("photos", 4, 32, 0)
    expected = naswot.rank([resnet], torch.from_numpy(drawn.images))
    assert first["naswot"] == expected["naswot"][0]


def test_infinities_survive_json_csv_and_table():
    values = [np.inf, 1.5, -np.inf, np.nan]
    frame = pd.DataFrame({"network": list("abcd"), "x": values, "seconds": 0.1, "params": 3})
    frame["note"] = ["", "", "", 'x: no, "not" it']
    rows = json.loads(as_json(frame), parse_constant=pytest.fail)
    assert [row["x"] for row in rows] == ["inf", 1.5, "-inf", None]
    read = pd.read_csv(io.StringIO(as_csv(frame)), keep_default_na=True)
    np.testing.assert_array_equal(read["x"], values)
    assert read["note"][3] == frame["note"][3]
    cells = [line.split()[2] for line in as_table(frame).splitlines()[1:5]]
    assert cells == ["inf", "1.5", "-inf", "–"]


def test_lists_name_networks_and_give_them_arguments(run, here):
    (here / "models.yaml").write_text(
        "- name: deep\n  factory: mynets:resnet\n  arguments: {depth: 3}\n- mynets:resnet\n"
    )
    code, out, _ = run(
        "score", "mynets:ResNet", "--list", "models.yaml", *FEW,
        "--classes", 5, "--factory-args", "width=4", "depth=1", "--format", "json",
    )  # fmt: skip
    assert code == 0
    params = {row["network"]: row["params"] for row in json.loads(out)}

    from own_networks import ResNet

    def count(**arguments):
        return sum(p.numel() for p in ResNet(num_classes=5, **arguments).parameters())

    assert params == {
        "deep": count(depth=3),
        "mynets:resnet": count(),
        "mynets:ResNet": count(depth=1, width=4),
    }


def test_a_folder_of_images_is_shown(run, here):
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(here / f"{number}.png")
    code, out, _ = run("score", "mynets:resnet", "--images", here, "--image-size", 16, *FEW)
    assert code == 0
    assert f"4 images of 16×16 pixels from {here}" in out
    code, _, err = run("score", "mynets:resnet", "--images", here)
    assert code == 1
    assert "4 images; a mini-batch of 128 is asked. Set batch_size (--batch-size on the" in err
    Image.fromarray(pixels).save(here / "4.png")
    for index in np.random.default_rng(0).choice(5, 2, replace=False):
        path = here / f"{index}.png"
        path.write_bytes(path.read_bytes()[:200])
    two = ("mynets:resnet", "--images", here, "--batch-size", 2)
    code, out, err = run("score", *two)
    assert code == 0
    assert re.search(r"2 images of 32×32 pixels from .* \(2 unreadable left out\), seed 0", out)
    assert re.search(r"others are drawn in place of 2 unreadable images: .*\.png is not a", err)
    code, out, err = run("score", *two, "--strict")
    assert (code, out) == (1, "")
    assert re.match(r"naswot: .*\d\.png is not a readable JPEG, PNG, WebP, BMP or TIFF image", err)
    code, _, err = run("score", "mynets:resnet", "--images", here, *FEW)
    assert code == 1
    assert "has 5 images, of which 2 cannot be read; a mini-batch of 4 is asked" in err


GREY = """
from torch import nn

def network(channels):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))

def grey():
    return network(1)

def coloured():
    return network(3)

def silent():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
"""


def test_networks_are_shown_as_many_channels_as_they_take(run, here):
    (here / "greynets.py").write_text(GREY)
    digits = ("--dataset", "digits", "--image-size", 8, "--batch-size", 4)
    for network, more, grey in [
        ("grey", (), "grey "),
        ("coloured", (), ""),
        ("silent", (), ""),
        ("silent", ("--channels", 1), "grey "),
    ]:
        code, out, err = run("score", f"greynets:{network}", *digits, *more)
        assert (code, err) == (0, "")
        assert f"4 {grey}images of 8×8 pixels from digits" in out
    code, out, err = run("score", "greynets:silent", "greynets:grey", "greynets:coloured", *digits)
    assert (code, err) == (1, "naswot: 1 of 3 networks failed; their notes say why.\n")
    assert "greynets:coloured: fails on images of 1×8×8" in out
    assert "--channels on the command line" in out
    code, _, err = run("score", "greynets:coloured", *digits, "--channels", 1)
    assert code == 1
    assert "greynets:coloured fails on images of 1×8×8" in err


def test_data_sets_come_from_a_mirror(run, mirror):
    code, out, _ = run(
        "score", "mynets:resnet", "--dataset", "imagenet16", "--mirror", mirror, *FEW
    )
    assert code == 0
    assert "images of 16×16 pixels from imagenet16" in out


def test_scores_are_listed_each_with_a_line(run):
    code, out, _ = run("scores")
    assert code == 0
    names, summaries = zip(*(line.split(maxsplit=1) for line in out.splitlines()), strict=True)
    assert list(names) == [*FAMILY_OF, *AGGREGATES]
    assert all(summaries)


def test_the_table_says_which_way_scores_point(run, register):
    register("x", lambda *_: {"x": 2e9}, labelled=("x",), lower_is_better=("x",))
    code, out, _ = run("score", "mynets:resnet", "--scores", "naswot, x", *FEW)
    assert code == 0
    assert "higher is better, but lower for x." in out
    assert "2e+09" in out
    assert "x" in run("scores")[1].split()


def test_what_a_network_prints_stays_out_of_the_result(run, here):
    (here / "mynets.py").write_text(OWN.read_text() + "\nprint('imported')\n")
    code, out, err = run("score", "mynets:resnet", *FEW, "--format", "json")
    assert (code, err) == (0, "imported\n")
    json.loads(out)


def test_a_network_may_be_a_function_of_a_file(run, here):
    """The file may be anywhere, import what lies beside it, and hold dataclasses."""
    (here / "some").mkdir()
    (here / "some/beside.py").write_text("WIDTH = 7\n")
    (here / "some/network.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from beside import WIDTH\nfrom torch import nn\n\n"
        "@dataclass\nclass Sizes:\n    width: int = WIDTH\n\n"
        "def build(classes):\n    width = Sizes().width\n"
        "    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "                         nn.Flatten(), nn.Linear(width, classes))\n"
    )
    code, out, err = run("score", "some/network.py:build", *FEW, "--classes", 5, "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)[0]["params"] == (27 * 7 + 7) + (7 * 5 + 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent:resnet"], "There is no module 'absent'"),
        (["mynets.absent:resnet"], "There is no module 'mynets.absent'"),
        (["mynets:resmet"], "mynets:resmet: mynets has no 'resmet'. Did you mean resnet?"),
        (["mynets:NOT_CALLABLE"], "mynets:NOT_CALLABLE is a dict, which cannot be called"),
        (["mynets"], "Write PACKAGE.MODULE:FACTORY"),
        (["absent.py:resnet"], "absent.py cannot be imported (FileNotFoundError"),
        (["mynets.py:resmet"], "mynets.py:resmet: mynets.py has no 'resmet'. Did you mean resnet?"),
        (["faulty:resnet"], "faulty cannot be imported (ModuleNotFoundError: No module named 'abs"),
        (["script:resnet"], "script cannot be imported (SystemExit: usage: script)"),
        (
            ["mynets:raising"],
            "mynets:raising cannot be built: its factory raises RuntimeError: no weights for this",
        ),
        (["mynets:Block"], "missing a required argument: 'width'"),
        (["mynets:resnet", "--factory-args", "hight=3"], "unexpected keyword argument 'hight'"),
        (["--factory-args", "a", "mynets:resnet", "--", "x:y"], "'a' is not KEY=VALUE"),
        (["mynets:resnet", "--factory-args", "width=["], "'width=[' is not YAML"),
        (["mynets:ViTLike", "--image-size", "64"], "images of 3×64×64: RuntimeError: The size of"),
        (["mynets:ViTLike"], "No requested score applies to mynets:ViTLike; naswot"),
        (["mynets:resnet", "mynets:resnet"], "Two networks are called mynets:resnet"),
        (["mynets:resnet", "--scores", "naswto"], "Did you mean naswot?"),
        (["mynets:resnet", "--images", "absent"], "absent is not a folder"),
        (["mynets:resnet", "--dataset", "mnist"], "no images 'mnist'; there are: photos"),
        (["mynets:resnet", "--dataset", "folder"], "--images DIR"),
        (["mynets:resnet", "--dataset", "cifar10"], "--mirror DIR"),
        (["mynets:resnet", "--output", "."], "--output must name a file"),
        (["--list", "absent.yaml"], "absent.yaml cannot be read: No such file"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, run):
    code, out, err = run("score", *arguments, *([] if "--" in arguments else FEW))
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("naswot: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not readable as YAML"),
        ("a: b", "is not a list of networks"),
        ("- name: deep", "network 1 lacks `factory"),
        ("- a:b\n- {factory: 'mynets:resnet', depth: 3}", "network 2 has 'depth'"),
        ("- {factory: 'mynets:resnet', arguments: [3]}", "arguments of network 1"),
    ],
)
def test_faulty_lists_are_explained(text, message, run, here):
    (here / "models.yaml").write_text(text)
    code, _, err = run("score", "--list", "models.yaml")
    assert code == 1
    assert message in err
    assert err.count("\n") == 1


def test_a_ranking_that_cannot_be_written_is_printed(run, here):
    (here / "file").touch()
    code, out, err = run("score", "mynets:resnet", *FEW, "--output", "file/ranking.csv")
    assert code == 1
    assert "cannot be written" in err
    assert out.startswith("network,naswot,")


def test_a_traceback_is_shown_on_request(run):
    code, _, err = run("score", "mynets:raising", "--traceback")
    assert code == 1
    assert "Traceback" in err
    assert "in raising" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["score"],
        ["rank"],
        ["score", "a:b", "--batch-size", "1"],
        ["score", "a:b", "--seed", "x"],
        ["score", "a:b", "--images", "x", "--dataset", "y"],
        ["score", "a:b", "--device", "tpu"],
        ["score", "a:b", "--resume"],
    ],
)
def test_wrong_options_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: naswot" in capsys.readouterr().err


def test_the_command_runs_by_itself(here):
    done = command("score", "mynets:resnet", *FEW, cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mynets:resnet" in done.stdout
    failed = command("score", "mynets:raising", cwd=here)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert command("--version").stdout == f"naswot {naswot.__version__}\n"
    assert "torchvision.models:resnet18" in command("score", "--help").stdout


def test_the_installed_command_is_main(root):
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"naswot": "naswot.cli.main:main"}


COUNTING = """
import pathlib, time, threading
from torch import nn
from mynets import resnet

def built(name, make):
    def build(**arguments):
        with open("built.txt", "a") as file:
            print(name, file=file)
        return make(**arguments)
    return build

def wait():
    time.sleep(60)

def break_down():
    raise ValueError("no head")

def mended():
    if pathlib.Path("mended").exists():
        return resnet(depth=4)
    raise SystemExit("not yet")

small, wide, deep = (built(name, resnet) for name in ("small", "wide", "deep"))
slow, broken, mended = built("slow", wait), built("broken", break_down), built("mended", mended)
lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten())
locked = resnet()
locked.lock = threading.Lock()
"""


@pytest.fixture
def counting(here):
    """Add the module `nets`, and return a function that tells which networks were built of late."""
    (here / "nets.py").write_text(COUNTING)

    def built():
        file = here / "built.txt"
        names = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        return sorted(set(names))

    return built


def test_a_network_that_fails_leaves_the_others(run, counting):
    names = ["faulty:net", "nets:small", "mynets:raising", "mynets:resmet", "script:net"]
    code, out, err = run("score", *names, *FEW)
    assert code == 1
    assert err == "naswot: 4 of 5 networks failed; their notes say why.\n"
    rows = [line.split() for line in out.splitlines()[1:6]]
    assert [row[1] for row in rows] == [
        "nets:small",
        *(name for name in names if "small" not in name),
    ]
    assert {tuple(row[2:]) for row in rows[1:]} == {("–", "–", "–")}
    assert "faulty:net: The module faulty cannot be imported (ModuleNotFoundError" in out
    assert "mynets:raising: cannot be built: its factory raises RuntimeError: no weights for" in out
    assert "Did you mean resnet?" in out
    assert "(SystemExit: usage: script)" in out
    code, out, _ = run("score", *names, *FEW, "--format", "json")
    first, second = json.loads(out)[:2]
    assert code == 1
    assert type(first["params"]) is int
    assert (second["naswot"], second["seconds"], second["params"]) == (None, None, None)
    code, out, _ = run("score", *names, *FEW, "--format", "csv")
    assert out.splitlines()[2].startswith("faulty:net,,,,The module faulty")
    assert out.splitlines()[1].split(",")[3].isdigit()


def test_the_first_failure_ends_it_on_request(run, counting):
    code, out, err = run("score", "nets:broken", "nets:small", *FEW, "--fail-fast")
    assert (code, out) == (1, "")
    said = "nets:broken cannot be built: its factory raises ValueError: no head."
    assert err == f"naswot: {said}\n"
    assert counting() == ["broken"]
    code, out, err = run("score", "nets:small", "faulty:net", *FEW, "--fail-fast")
    assert (code, out) == (1, "")
    assert counting() == []


def test_if_all_fail_there_is_no_ranking(run, counting, here):
    code, out, err = run("score", "nets:broken", "faulty:net", *FEW, "--output", "ranking.csv")
    assert (code, out) == (1, "")
    assert err.startswith("naswot: All 2 networks failed; the first: nets:broken cannot be built")
    assert err.count("\n") == 1
    assert not list(here.glob("ranking*"))


def test_where_a_network_fails_is_shown_on_request(run, counting):
    code, out, err = run("score", "nets:broken", "nets:small", *FEW, "--traceback")
    assert code == 1
    assert "in break_down" in err
    assert "Traceback" not in out


def test_networks_that_are_there_already_are_scored(run, counting):
    code, out, _ = run("score", "nets:lazy", "--scores", "naswot,params", *FEW, "--format", "json")
    (row,) = json.loads(out)
    assert (code, row["params"]) == (0, 4 * 27 + 4 + 8)
    code, out, err = run("score", "nets:locked", *FEW)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "nets:locked cannot be copied (TypeError" in err
    assert "Pass a function that builds it." in err
    code, _, err = run("score", "nets:lazy", "--factory-args", "depth=3")
    assert (code, err.count("\n")) == (1, 1)
    assert "nets:lazy is an existing network, not a factory; it takes no arguments" in err


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_is_gone_on_from(kind, run, counting, here):
    nets = ["nets:broken", "nets:small", "nets:mended"]
    scores = (*FEW, "--scores", "naswot,synflow,params", "--output", f"ranking.{kind}")
    assert run("score", *nets, *scores, "--resume")[0] == 1  # there is no file yet
    assert counting() == ["broken", "mended", "small"]
    (here / "mended").touch()
    before = (here / f"ranking.{kind}").read_text()
    code, out, err = run("score", "nets:deep", *nets, "mynets:ViTLike", *scores, "--resume")
    assert (code, out) == (1, "")
    assert err == "naswot: 1 of 5 networks failed; their notes say why.\n"
    assert counting() == ["broken", "deep", "mended"]
    (here / f"ranking.{kind}").rename(here / f"resumed.{kind}")
    run("score", "nets:deep", *nets, "mynets:ViTLike", *scores)

    def read(path):
        frame = pd.read_csv(path) if kind == "csv" else pd.read_json(path, dtype={"params": float})
        return frame.drop(columns="seconds")

    pd.testing.assert_frame_equal(read(f"resumed.{kind}"), read(f"ranking.{kind}"))
    row = next(line for line in before.splitlines() if "nets:small" in line)
    assert row in (here / f"resumed.{kind}").read_text()  # as it was, to the last digit
    counting()
    assert run("score", "nets:small", *scores, "--resume")[0] == 1  # what else is there is kept
    assert len(read(f"ranking.{kind}")) == 5
    assert counting() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "1"], "ranking.csv was scored with other seed (0, now 1): use the earlier"),
        (["--batch-size", "5"], "other batch_size (4, now 5)"),
        (["--scores", "snip"], "other scores (['naswot'], now ['snip'])"),
        (["--precision", "bfloat16"], "other precision ('float32', now 'bfloat16')"),
        (["--image-size", "16"], "other images ("),
        (["--factory-args", "width=4"], "nets:small in ranking.csv was built by {'arguments': {}"),
        (["--format", "json"], "ranking.csv differs from what `naswot score` writes"),
        (["--format", "table"], "--resume reads CSV and JSON, not a table"),
    ],
)
def test_only_what_was_scored_alike_is_gone_on_from(options, message, run, counting, here):
    output = ("--output", "ranking.csv")
    assert run("score", "nets:small", *FEW, *output)[0] == 0
    before = (here / "ranking.csv").read_text()
    code, out, err = run("score", "nets:small", "nets:wide", *FEW, *output, "--resume", *options)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message in err
    assert (here / "ranking.csv").read_text() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ranking.csv", "network,naswot\nnets:small,3\n"),
        ("ranking.csv", "network,naswot,seconds,params,note\nnets:small,x,1,1,\n"),
        ("ranking.csv", "network,naswot,seconds,params,note\nnets:small,1,1,1\n"),
        ("ranking.csv", "network,naswot,seconds,params,note\na,1,1,1,\na,1,1,1,\n"),
        ("ranking.csv", "\0"),
        ("ranking.csv.settings.json", "{"),
        ("ranking.csv.settings.json", "[" * 100_000),
        ("ranking.csv.settings.json", "[]"),
        ("ranking.csv.settings.json", None),
    ],
)
def test_a_damaged_file_is_not_gone_on_from(name, content, run, counting, here):
    arguments = ("score", "nets:small", *FEW, "--output", "ranking.csv")
    assert run(*arguments)[0] == 0
    (here / name).unlink()
    if content is not None:
        (here / name).write_text(content)
    code, out, err = run(*arguments, "--resume")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"naswot: {name} " in err
    assert "leave out --resume" in err


def test_a_moved_folder_of_the_same_images_is_no_other(run, counting, here):
    for folder in ("one", "two"):
        (here / folder).mkdir()
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), np.uint8)
            Image.fromarray(pixels).save(here / folder / f"{number}.png")
    arguments = ("score", "nets:small", *FEW, "--output", "ranking.csv", "--resume", "--images")
    assert run(*arguments, "one")[0] == 0
    assert run(*arguments, "two")[0] == 0
    assert counting() == ["small"]


@pytest.fixture
def begin(here):
    """Return a function that starts the command and waits until it builds `nets:slow`."""
    begun = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "naswot", "score", *arguments, *FEW],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(OWN.parents[2])},
            cwd=here,
            # Shells have background jobs ignore it, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        begun.append(process)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (here / "built.txt").exists() and "slow" in (here / "built.txt").read_text():
                break
            time.sleep(0.1)
        return process

    yield start
    for process in begun:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_prints_what_it_has(number, begin, counting):
    process = begin("nets:small", "nets:broken", "nets:slow", "--format", "csv")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert [line.split(",")[0] for line in out.splitlines()] == [
        "network",
        "nets:small",
        "nets:broken",
    ]
    assert err == "naswot: interrupted after 2 of 3 networks.\n"


def test_an_interruption_before_any_score_is_told_in_one_line(begin, counting):
    process = begin("nets:slow")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "naswot: interrupted after 0 of 1 networks.\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_goes_on_from_its_file(number, begin, run, counting, here):
    process = begin("nets:small", "nets:slow", "--output", "ranking.csv")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert number == signal.SIGKILL or (
        err == "naswot: interrupted after 1 of 2 networks; --resume continues from there.\n"
    )
    assert pd.read_csv(here / "ranking.csv")["network"].tolist() == ["nets:small"]
    counting()
    arguments = ("score", "nets:small", "nets:wide", *FEW, "--output", "ranking.csv", "--resume")
    assert run(*arguments)[0] == 0
    assert counting() == ["wide"]


def test_writing_as_results_come_in_costs_little(tmp_path):
    from naswot.cli.ranking_file import NETWORKS, RankingFile
    from naswot.scores.ranking import Row, ranking

    writes = []

    def render(rows):
        writes.append(len(rows))
        return as_csv(ranking(rows, ["naswot"]))

    file = RankingFile(tmp_path / "ranking.csv", render, {NETWORKS: {}})
    rows = []
    for number in range(2000):
        rows.append(Row(str(number), {"naswot": 1.0}, 0.1, 3, ""))
        file.write(rows)
    file.write(rows, last=True)
    assert writes[0] == 1
    assert writes[-1] == 2000
    assert len(writes) < 10


# Costs


BOTH = ("mynets:resnet", "mynets:MobileNetLike")


def test_costs_limits_and_the_front_are_printed(run, here):
    (here / "ms.csv").write_text("network,ms\nmynets:resnet,9.5\nmynets:MobileNetLike,2\n")
    code, out, err = run(
        "score", *BOTH, "mynets:raising", *FEW, "--costs", "flops,memory", "--max-latency", "8ms",
        "--max-params", "2K", "--latency", "ms.csv", "--pareto", "latency",
    )  # fmt: skip
    assert (code, err) == (1, "naswot: 1 of 3 networks failed; their notes say why.\n")
    head, first, second, *rest = out.splitlines()
    assert head.split() == [
        *("rank", "network", "naswot", "flops", "memory", "latency", "broken", "front"),
        *("seconds", "params"),
    ]
    assert first.split()[1:2] + first.split()[3:8] == [
        *("mynets:MobileNetLike", "213,312", "45.1", "KB", "2", "ms"),
    ]
    assert first.split()[8] == "yes"
    assert second.split()[-4:-2] == ["params,", "latency"]
    assert rest[-3:] == [
        "latency: ms from the column ms of ms.csv.",
        "limits: params ≤ 2 K, latency ≤ 8 ms.",
        "front: naswot against latency.",
    ]


def test_latencies_are_measured_and_the_way_is_stated(run):
    code, out, _ = run(
        "score", *BOTH, *FEW, "--costs", "latency", "--latency-threads", 1, "--latency-batch", 3,
        "--format", "json",
    )  # fmt: skip
    assert code == 0
    assert all(0 < row["latency"] < 60_000 for row in json.loads(out))
    code, out, _ = run("score", *BOTH, *FEW, "--max-latency", "1us", "--latency-batch", 3)
    assert "3 images, float32, PyTorch" in out
    assert ", 1 thread." in out
    assert [row.split()[-3] for row in out.splitlines()[1:3]] == ["latency", "latency"]


def test_a_resumed_ranking_keeps_its_latencies(run, here):
    (here / "clock.py").write_text(
        "calls = []\ndef ms(network, shape):\n    calls.append(shape)\n    return len(calls)\n"
    )
    costs = ("--costs", "flops,latency", "--latency", "clock:ms", "--pareto", *FEW)
    assert run("score", BOTH[0], *costs, "--output", "made.csv")[0] == 0
    before = pd.read_csv("made.csv")
    code, _, err = run("score", *BOTH, *costs, "--output", "made.csv", "--resume")
    assert (code, err) == (0, "")
    frame = pd.read_csv("made.csv").set_index("network")
    assert frame["latency"].to_dict() == {BOTH[0]: 1, BOTH[1]: 2}
    assert frame["flops"][BOTH[0]] == before["flops"][0]
    assert frame["front"].all()
    # Limits and front follow from the columns; they may change.
    again = (*costs[:4], *FEW, "--max-latency", "1ms", "--output", "made.csv", "--resume")
    assert run("score", *BOTH, *again)[0] == 0
    frame = pd.read_csv("made.csv", keep_default_na=False).set_index("network")
    assert frame["broken"].to_dict() == {BOTH[0]: "", BOTH[1]: "latency"}
    code, _, err = run(
        "score", *BOTH, *FEW, "--costs", "flops,latency", "--output", "made.csv", "--resume"
    )
    assert code == 1
    assert "made.csv was scored with other latency ('ms by clock:ms', now 'median ms" in err


def test_latencies_that_an_interruption_prevented_are_measured_later(run, here):
    (here / "clock.py").write_text(
        "import os\ndef ms(network, shape):\n"
        "    if not os.path.exists('later'):\n        raise KeyboardInterrupt\n    return 5\n"
    )
    arguments = (*BOTH, *FEW, "--costs", "latency", "--latency", "clock:ms", "--output", "made.csv")
    code, _, err = run("score", *arguments)
    assert (code, err) == (
        *(130, "naswot: interrupted after 2 of 2 networks; --resume continues from there.\n"),
    )
    assert pd.read_csv("made.csv")["latency"].isna().all()
    (here / "later").touch()
    assert run("score", *arguments, "--resume")[0] == 0
    assert pd.read_csv("made.csv")["latency"].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-params", "5X"), "'5X' is no amount of parameters; write a positive number such"),
        (("--costs", "flop"), "no cost 'flop'; there are params, flops, memory, latency"),
        (("--pareto", "mynets:resnet"), "no cost 'mynets:resnet'"),
    ],
)
def test_costs_that_do_not_exist(run, capsys, options, said):
    with pytest.raises(SystemExit) as stopped:
        run("score", BOTH[0], *options)
    assert stopped.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
