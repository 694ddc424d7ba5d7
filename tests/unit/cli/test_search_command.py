"""`naswot search` as users run it."""

import json
import subprocess
import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from searches import SPACE

from naswot import rank
from naswot.cli.main import main
from naswot.io.parquet import read_parquet
from naswot.spaces.choice_spaces import choice_space

SMALL = ("--image-size", "8", "--batch-size", "16", "--jobs", "1")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in a folder of its own: exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["search", *map(str, arguments)])
        return code, capsys.readouterr().err

    return call


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return the folder of a finished search, and what it printed."""
    folder = tmp_path_factory.mktemp("search")
    limits = ("--max-params", "15K", "--max-latency", "10s", "--pareto", "params,latency")
    done = subprocess.run(
        [sys.executable, "-m", "naswot", "search", SPACE, *SMALL, *limits, "--networks", "12",
         "--take", "2", "--output", folder / "found"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return folder / "found", done.stderr


def test_before_it_starts_it_says_what_networks_cost_and_how_long_it_takes(found):
    _, told = found
    assert "small_space: 1,800 networks" in told
    assert "16 images of 8×8 pixels from photos" in told
    assert "% of them keep the limits" in told
    assert "12 of them about" in told


def test_the_best_and_the_front_are_those_of_all_trials(found):
    folder, told = found
    trials = read_parquet(folder / "trials.parquet")
    assert len(trials) == 12
    assert (trials["params"] <= 15_000).all()
    assert trials["naswot"].is_monotonic_decreasing
    front = pd.read_csv(folder / "front.csv")
    for row in trials.itertuples():
        beaten = (
            (trials["naswot"] >= row.naswot)
            & (trials["params"] <= row.params)
            & (trials["latency"] <= row.latency)
            & (trials["network"] != row.network)
        )
        assert row.front == (not beaten.any())
        assert row.front == (row.network in set(front["network"]))
        assert json.loads(row.choices) == json.loads(row.network)
    assert f"1. {trials['network'][0]}" in told


def test_the_latencies_of_the_best_are_measured_again_side_by_side(found):
    front = pd.read_csv(found[0] / "front.csv")
    assert (front["latency_again"] > 0).all()
    assert (front["latency_p95"] >= front["latency_again"]).all()


def test_the_exported_network_is_the_one_that_was_scored(found):
    folder, _ = found
    trials = read_parquet(folder / "trials.parquet")
    best = folder / "best-1"
    code = (
        "import torch\nfrom network import build\n"
        "network = build()\n"
        "network.load_state_dict(torch.load('weights.pt', weights_only=True))\n"
        "torch.save(network.eval()(torch.ones(5, 3, 8, 8)), 'outputs.pt')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=best, check=True)
    outputs = torch.load(best / "outputs.pt", weights_only=True).detach().numpy()
    if torch.__version__ >= "2.6":
        session = onnxruntime.InferenceSession(best / "network.onnx")
        (by_onnx,) = session.run(None, {"images": np.ones((5, 3, 8, 8), np.float32)})
        np.testing.assert_allclose(by_onnx, outputs, rtol=1e-4, atol=1e-6)
    else:
        assert "ONNX files need torch 2.6" in (best / "README.md").read_text()
    space = choice_space(str(SPACE))
    torch.manual_seed(0)
    same = space.build(trials["network"][0], 10).eval()
    assert torch.equal(same(torch.ones(5, 3, 8, 8)), torch.from_numpy(outputs))
    assert (folder / "best-2" / "weights.pt").exists()
    assert not (folder / "best-3").exists()


def test_the_readme_and_the_page_say_what_was_searched(found):
    folder, _ = found
    text = (folder / "README.md").read_text()
    for part in ("small_space.py", "params ≤ 15 K", "12 scored", "best-1", "Seed", "torch 2"):
        assert part in text
    page = (folder / "index.html").read_text()
    best = read_parquet(folder / "trials.parquet")["network"][0]
    assert "Score against cost" in page
    assert '<button type="button">parameters</button>' in page  # sorts the table
    assert best.replace('"', "&#34;") in page
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")


def test_an_earlier_search_is_not_overwritten_and_can_go_on(found, run):
    folder, _ = found
    limits = ("--max-params", "15K", "--max-latency", "10s", "--pareto", "params,latency")
    about = (SPACE, *SMALL, *limits, "--take", "0", "--output", folder)
    code, told = run(*about, "--networks", "14")
    assert code == 1
    assert f"{folder} holds a search already. Go on with it by --resume" in told
    code, told = run(*about, "--networks", "14", "--resume")
    assert code == 0
    assert "12 networks are scored already" in told
    assert len(read_parquet(folder / "trials.parquet")) == 14
    code, told = run(*about, "--scores", "synflow", "--resume")
    assert code == 1
    assert "holds a search with other scores" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nasbench210",), "no search space 'nasbench210'. Did you mean nasbench201?"),
        (("missing.py",), "There is no file missing.py"),
        ((SPACE, "--max-params", "10"), "The nearest network exceeds the limits by"),
        ((SPACE, "--scores", "naswott"), "Did you mean naswot?"),
        ((SPACE, "--scores", "vote", "--method", "tpe"), "Choose --method evolution, random"),
        ((SPACE, "--images", "nowhere"), "nowhere"),
        ((SPACE, "--max-latency", "1ms", "--latency", "mine.csv"), "mine.csv"),
        (("--from", "nomodule:net"), "There is no module 'nomodule'"),
    ],
)
def test_mistakes_end_with_one_message_and_no_results(arguments, message, run, tmp_path):
    code, told = run(*arguments, *SMALL, "--networks", "3")
    assert code == 1
    assert message in told
    assert "Traceback" not in told
    assert not [*tmp_path.rglob("*.csv"), *tmp_path.rglob("*.parquet")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a SPACE, or a network with --from"),
        ((SPACE, "--from", "mynets:small"), "name a SPACE, or a network with --from"),
        ((SPACE, "--max-params", "5X"), "'5X' is no amount of parameters"),
        ((SPACE, "--pareto", "price"), "there is no cost 'price'"),
        ((SPACE, "--minutes", "0"), "0 is not a positive number"),
    ],
)
def test_wrong_options_exit_with_2(arguments, message, run, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_two_searches_share_a_storage(run, tmp_path):
    about = (SPACE, *SMALL, "--take", "0", "--storage", tmp_path / "shared.journal")
    assert run(*about, "--networks", "5", "--output", "first")[0] == 0
    code, told = run(*about, "--networks", "9", "--output", "second")
    assert code == 0
    assert "5 networks are scored already" in told
    found = read_parquet(tmp_path / "second" / "trials.parquet")
    assert len(found) == 9
    assert found["network"].is_unique


def test_the_spaces_are_listed(run, capsys):
    assert main(["spaces"]) == 0
    listed = capsys.readouterr().out
    assert {"nasbench201", "mobile", "resnet"} <= {line.split()[0] for line in listed.splitlines()}


def test_the_score_is_that_of_naswot_rank(found):
    from naswot.images import mini_batch

    trials = read_parquet(found[0] / "trials.parquet")
    space = choice_space(str(SPACE))
    batch = mini_batch("photos", 16, 8, 0)
    arch = trials["network"][3]
    table = rank({"it": lambda: space.build(arch, 10)}, batch.images, precision="auto")
    assert table["naswot"][0] == trials["naswot"][3]
