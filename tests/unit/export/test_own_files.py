"""A user's own Python file goes along, with the files beside it that it imports."""

import os
import subprocess
import sys

import pytest
import torch

from naswot.errors import NaswotError
from naswot.export import (
    architecture_derived,
    architecture_named,
    architecture_of,
    export_architecture,
)
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import ChoiceSpace

CHOICES = """
from torch import nn
from parts import PARTS
from deep.er import activation

choices = {"width": [4, 8], "bias": [True, False], "kernel": [1, 3]}
when = {"kernel": {"bias": [True]}}

def build(width, bias, kernel=1, classes=10):
    return nn.Sequential(
        nn.Conv2d(PARTS["channels"], width, kernel, bias=bias), activation(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes),
    )
"""
ARCH = '{"width":8,"bias":true,"kernel":3}'
FRESH = """
import sys, torch
import network
built = network.build()
built.load_state_dict(torch.load(sys.argv[1], weights_only=True))
assert {name: list(value.shape) for name, value in built.state_dict().items()} == eval(sys.argv[2])
used = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
assert not [file for file in used if file.startswith(sys.argv[3])], used
"""


@pytest.fixture
def own(tmp_path):
    """Return a folder with a file of choices, my-space.py, and what it imports."""
    folder = tmp_path / "own"
    (folder / "deep").mkdir(parents=True)
    (folder / "my-space.py").write_text(CHOICES)
    (folder / "parts.py").write_text("PARTS = {'channels': 3}\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "er.py").write_text("from torch.nn import ReLU as activation\n")
    (folder / "unused.py").write_text("raise RuntimeError\n")
    return folder


def export(path, arch, folder, **options):
    found = architecture_named(str(path), arch)
    return export_architecture(
        found, folder, shape=(3, 8, 8), classes=6, formats=["weights"], **options
    )


def use(folder, shapes, own):
    """Build the network in a fresh process that finds the export alone, and no file of `own`."""
    subprocess.run(
        [sys.executable, "-c", FRESH, folder / "weights.pt", repr(shapes), own],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=True,
    )


def test_a_file_of_choices_stands_alone_in_its_folder(own, tmp_path):
    folder = tmp_path / "home"
    exported = export(own / "my-space.py", ARCH, folder)
    assert exported.notes == ()
    copies = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
    assert copies == {"network.py", "my_space.py", "parts.py", "deep/__init__.py", "deep/er.py"}
    assert not list(folder.rglob("__pycache__"))
    code = (folder / "network.py").read_text()
    assert "CHOICES = {'width': 8, 'bias': True, 'kernel': 3}" in code
    shapes = {"0.weight": [8, 3, 3, 3], "0.bias": [8], "4.weight": [6, 8], "4.bias": [6]}
    use(folder, shapes, own)
    run = [sys.executable, "network.py"]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tensor([[")


def test_two_exports_in_one_process_do_not_mix_their_files(own, tmp_path, forget):
    assert export(own / "my-space.py", ARCH, tmp_path / "one").notes == ()
    other = tmp_path / "other"
    other.mkdir()
    (other / "space.py").write_text(CHOICES.replace("from deep.er", "from deep"))
    (other / "parts.py").write_text("PARTS = {'channels': 1}\n")
    (other / "deep.py").write_text("from torch.nn import GELU as activation\n")
    forget()
    found = architecture_named(str(other / "space.py"), ARCH)
    options = {"shape": (1, 8, 8), "formats": ["weights"]}
    assert export_architecture(found, tmp_path / "two", **options).notes == ()
    before = list(sys.path), set(sys.modules)
    assert export(own / "my-space.py", ARCH, tmp_path / "one").notes == ()
    assert (list(sys.path), set(sys.modules)) == before


def test_a_file_with_a_function_of_the_architecture_goes_too(custom, tmp_path):
    folder = tmp_path / "home"
    found = architecture_named(custom["networks"], "wide")
    export_architecture(found, folder, shape=(3, 4, 4), classes=2, formats=["weights"])
    assert (folder / "neighbour.py").is_file()
    assert 'ARCH = "wide"' in (folder / "network.py").read_text()
    shapes = {"1.weight": [9, 48], "1.bias": [9], "3.weight": [2, 9], "3.bias": [2]}
    use(folder, shapes, custom["networks"])


def test_data_that_the_copy_lacks_are_noticed(own, tmp_path):
    (own / "parts.py").write_text(
        "from pathlib import Path\nimport json\n"
        "PARTS = json.loads(Path(__file__).with_name('parts.json').read_text())\n"
    )
    (own / "parts.json").write_text('{"channels": 3}')
    (note,) = export(own / "my-space.py", ARCH, tmp_path / "home").notes
    assert "network.py: it does not build this network again: FileNotFoundError" in note
    assert "parts.json" in note


def test_names_that_would_clash_are_refused(own, tmp_path):
    (own / "my-space.py").rename(own / "network.py")
    with pytest.raises(NaswotError, match="has the name of the file that an export writes"):
        export(own / "network.py", ARCH, tmp_path / "home")


def test_mistakes_are_explained(own, tmp_path):
    with pytest.raises(NaswotError, match="'width' is 5, not one of 4, 8"):
        export(own / "my-space.py", ARCH.replace("8", "5"), tmp_path / "home")
    with pytest.raises(NaswotError, match=r"no file nowhere\.py"):
        export("nowhere.py", ARCH, tmp_path / "home")
    unknown = ChoiceSpace("mine", "Mine", lambda choose: "a", lambda arch, classes: torch.nn.ReLU())
    with pytest.raises(NaswotError, match="mine does not say how its networks are built again"):
        architecture_of(unknown, "a")


FACTORY = """
from torch import nn
{line}

class Nets:
    @staticmethod
    def small(num_classes=10):
        return nn.Sequential(
            nn.Conv2d(3, WIDTH, 3), nn.ReLU(), nn.Conv2d(WIDTH, 8, 3), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(8, num_classes),
        )
"""


@pytest.mark.parametrize(
    ("module", "line", "beside", "copies"),
    [
        ("plainnets", "WIDTH = 8", None, {"plainnets.py"}),
        ("nets", "from .wide import WIDTH", "nets/wide.py", {"nets/__init__.py", "nets/wide.py"}),
        ("loose.nets", "WIDTH = 8", None, {"loose/nets.py"}),
    ],
)
def test_a_derived_network_goes_with_the_files_that_it_comes_from(
    module, line, beside, copies, own, tmp_path, monkeypatch
):
    place = own / next(one for one in copies if one != beside)
    place.parent.mkdir(exist_ok=True)
    place.write_text(FACTORY.format(line=line))
    if beside is not None:
        (own / beside).write_text("WIDTH = 8\n")
    monkeypatch.chdir(own)
    asked = {"classes": 6, "shape": (3, 8, 8)}
    found = architecture_derived(f"{module}:Nets.small", '{"width 0":16}', **asked)
    folder = tmp_path / "home"
    assert export_architecture(found, folder, **asked, formats=["weights"]).notes == ()
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    assert made == copies | {"network.py"}
    shapes = {"0.weight": [16, 3, 3, 3], "0.bias": [16], "2.weight": [8, 16, 3, 3], "2.bias": [8]}
    use(folder, shapes | {"5.weight": [6, 8], "5.bias": [6]}, own)


def test_a_file_that_is_not_found_beside_the_factory_is_missed(own, tmp_path, monkeypatch):
    (own / "far").mkdir()
    (own / "far" / "nets.py").write_text(FACTORY.format(line="from afar import WIDTH"))
    (own / "afar.py").write_text("WIDTH = 8\n")
    monkeypatch.chdir(own)
    asked = {"classes": 6, "shape": (3, 8, 8)}
    found = architecture_derived("far.nets:Nets.small", "{}", **asked)
    (note,) = export_architecture(found, tmp_path / "home", **asked, formats=["weights"]).notes
    assert "again: ModuleNotFoundError: No module named 'afar'" in note


def test_a_space_of_choices_that_is_built_in_is_named(tmp_path):
    arch = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    found = architecture_of(choice_space("nasbench201"), arch)
    assert "choice_space" in found.origin.imports
    assert found.build(4).classifier.out_features == 4
    assert found.diagram().arch == arch
