"""What all commands share: help, completion, what a terminal shows; and `naswot doctor`."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from terminal import seen_on_a_terminal

from naswot import __version__
from naswot.cli import doctor
from naswot.cli.main import main, parser
from naswot.cli.render import as_table

COMMANDS = ("score", "search", "train", "export", "draw", "check", "doctor", "completion")
NASWOT = (sys.executable, "-m", "naswot")
SCREEN = 55  # lines of a terminal
NETS = """\
from torch import nn

def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])


def help_of(command, option, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, option])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_a_screen(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert len(help_of(command, "--help", capsys).splitlines()) <= SCREEN


@pytest.mark.parametrize(
    ("command", "rare"), [("score", "--latency-threads"), ("search", "--storage")]
)
def test_help_all_shows_every_option(command, rare, capsys):
    short, long = help_of(command, "--help", capsys), help_of(command, "--help-all", capsys)
    assert rare not in short
    (commands,) = (action for action in parser()._actions if action.dest == "==SUPPRESS==")
    options = [
        option for action in commands.choices[command]._actions for option in action.option_strings
    ]
    assert rare in options
    assert [option for option in options if option not in long] == []
    for line in short.partition("examples:")[2].splitlines():
        assert line in long.splitlines()


def test_bash_completes_commands_and_options(tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    (tmp_path / "naswot.bash").write_text(capsys.readouterr().out)
    asked = (
        "source naswot.bash; COMP_WORDS=(naswot {}); COMP_CWORD={}; "
        "$(complete -p naswot | sed 's/.*-F \\([^ ]*\\) .*/\\1/'); echo ${{COMPREPLY[@]}}"
    )

    def completed(words, position):
        bash = ["bash", "-c", asked.format(words, position)]
        return subprocess.run(bash, cwd=tmp_path, capture_output=True, text=True).stdout.split()

    assert completed("doc", 1) == ["doctor"]
    assert "--max-params" in completed("score --max", 2)


def test_a_table_that_is_wider_than_the_terminal_is_broken_into_parts_that_fit():
    scores = {f"score_{number}": np.arange(2) + number / 8 for number in range(9)}
    frame = pd.DataFrame({"network": ["first", "second"], **scores, "note": ["", "a note " * 20]})
    whole, broken = as_table(frame), as_table(frame, ["about the images " * 9], width=60)
    assert max(map(len, broken.splitlines())) <= 60
    parts = [part.splitlines() for part in broken.split("\n\n")]
    columns = [name for part in parts[:-1] for name in part[0].split()[2:]]
    assert columns == list(scores)
    assert all(part[2].split()[:2] == ["2", "second"] for part in parts[:-1])
    assert sorted({*whole.split()} - {*broken.split()}) == []


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_shows_a_bar_that_disappears_unless_quiet(nets, quiet):
    few = ("--batch-size", "4", "--image-size", "8", *(["--quiet"] if quiet else []))
    seen, code = seen_on_a_terminal([*NASWOT, "score", "nets:small", *few])
    assert code == 0
    assert ("0/1" in seen) is not quiet
    assert "rank  network      naswot  seconds  params" in seen


def test_a_message_is_coloured_on_a_terminal_and_not_with_no_color(nets, monkeypatch):
    seen, code = seen_on_a_terminal([*NASWOT, "score", "nets:absent"])
    assert (code, "\x1b[1;31mnaswot: " in seen) == (1, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in seen_on_a_terminal([*NASWOT, "score", "nets:absent"])[0]


def test_doctor_says_what_is_here_and_that_scores_are_right(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    assert main(["doctor", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["naswot"].startswith(__version__)
    assert {"python", "system", "processor", "torch", "numpy"} < set(found)
    paths = [(test["precision"], test["path"]) for test in found["tests"]]
    assert paths[:2] == [("float32", "simple"), ("float32", "fused")]
    assert found["tests"][1]["largest_relative_difference"] == 0
    assert all(test["passed"] for test in found["tests"])


def test_doctor_reports_a_way_that_is_wrong_or_fails(capsys, monkeypatch):
    def scored(device, precision, path, limit):
        if precision == "bfloat16":
            raise RuntimeError("out of\nmemory")
        return 1.0, [600.0, 650.0 if path == "simple" else 650.1]

    ways = [("cpu", "float32", "simple"), ("cpu", "float32", "fused"), ("cpu", "bfloat16", "fused")]
    monkeypatch.setattr(doctor, "_ways", lambda: ways)
    monkeypatch.setattr(doctor, "_scored", scored)
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "TOO MUCH, please report" in lines[-2]
    assert lines[-1].endswith("FAILED, please report: out of memory")
