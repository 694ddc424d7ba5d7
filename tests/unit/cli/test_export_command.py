"""`naswot export`: what it writes, what it says, and what it refuses."""

import subprocess
import sys

import pytest
import torch
from architectures import TOPOLOGY, VERTICES

from naswot.cli import export as command
from naswot.cli.main import main
from naswot.export import FORMATS
from naswot.spaces import natsbench_sss


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in an empty folder: exit code, stdout, stderr."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments):
        code = main(["export", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_space_is_guessed_and_the_folder_named(export, tmp_path):
    code, out, err = export("8:8:8:16:8", "--formats", "weights", "--classes", 3, "--seed", 5)
    assert (code, err) == (0, "")
    (folder,) = (tmp_path / "here").iterdir()
    assert folder.name == "NATS-Bench-SSS-8-8-8-16-8"
    assert out.splitlines()[0] == f"{folder.name}/"
    assert "weights.pt" in out
    assert "equal outputs" in out
    torch.manual_seed(5)
    network = natsbench_sss.build("8:8:8:16:8", 3)
    state = torch.load(folder / "weights.pt", weights_only=True)
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    page = (folder / "README.md").read_text()
    assert "naswot export 8:8:8:16:8 --formats weights --classes 3 --seed 5" in page


def test_an_official_index_will_do(export, tmp_path):
    code, _, _ = export("9", "--space", "natsbench_sss", "--output", "a", "--formats", "weights")
    assert code == 0
    assert natsbench_sss.architectures()[9] in (tmp_path / "here/a/network.py").read_text()


def test_an_architecture_of_digits_is_no_index(export, tmp_path):
    code, _, _ = export("00000001", "--output", "a", "--formats", "weights")
    assert code == 0
    assert "'00000001'" in (tmp_path / "here/a/network.py").read_text().replace('"', "'")


def test_the_example_of_a_space_of_choices_is_exported(export, root, tmp_path):
    arch = '{"depth":2,"width":16,"kernel":3,"pooling":"max"}'
    space = root / "examples/own_space/space.py"
    code, _, err = export(arch, "--space", space, "--output", "a", "--formats", "weights")
    assert (code, err) == (0, "")
    assert (tmp_path / "here/a/space.py").read_bytes() == space.read_bytes()
    assert (tmp_path / "here/a/network.svg").is_file()


def test_a_format_that_fails_is_told_and_sets_the_exit_code(export, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not there
    code, out, err = export("8:8:8:8:8", "--output", "a", "--formats", "weights,onnx")
    assert code == 1
    assert err == (
        "naswot: network.onnx: the package onnx is not installed: pip install 'naswot[search]'\n"
    )
    assert "weights.pt" in out
    assert "network.onnx" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["|none~0|"], "it has 1 groups joined by '+' instead of 3"),
        (["resnet19"], "not an architecture of any space"),
        (["6111"], "name one with --space nasbench201 or natsbench_sss"),
        ([TOPOLOGY, "--space", "natsbench_sss"], "is not a NATS-Bench size architecture"),
        ([TOPOLOGY, "--space", "x"], "There is no search space 'x'"),
        ([TOPOLOGY, "--space", "x.py"], "There is no file x.py"),
        ([TOPOLOGY, "--formats", "onnx,tflite"], "There is no format 'tflite'"),
        ([VERTICES, "--channels", "1"], "expected input[1, 1, 32, 32] to have 3 channels"),
        ([VERTICES, "--output", "/dev/null/x"], "cannot be written"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, export, tmp_path):
    code, out, err = export(*arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("naswot: ")
    assert err.count("\n") == 1
    assert not list((tmp_path / "here").iterdir())


def test_another_network_is_not_written_over_by_chance(export, tmp_path):
    options = ("--output", "a", "--formats", "weights")
    assert export("8:8:8:8:8", *options)[0] == 0
    code, _, err = export("8:8:8:8:16", *options)
    assert code == 1
    assert "a holds another export (arch: '8:8:8:8:8', not '8:8:8:8:16')" in err
    assert export("8:8:8:8:8", *options)[0] == 0
    assert export("8:8:8:8:16", *options, "--overwrite")[0] == 0


def test_the_help_needs_no_torch_and_names_all_formats(root):
    assert tuple(FORMATS) == command.FORMATS
    code = (
        "import sys; from naswot.cli.main import main\n"
        "try: main(['export', '--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert "weights,onnx,torch.export" in done.stdout
