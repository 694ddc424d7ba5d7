"""Rooms use only the rooms below them, in the order that docs/explanation/architecture.md gives."""

import re

import pytest

from naswot.io.python_files import imported

LOOSE = {"__init__", "__main__", "_version", "errors"}


@pytest.fixture(scope="module")
def rooms(root) -> list[str]:
    """Return the rooms from the top, as the page lists them."""
    text = (root / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    listed = re.search(r"^## Rooms$(.*?)^## ", text, re.M | re.S)[1]
    return re.findall(r"^\| `(\w+)/` \|", listed, re.M)


def test_each_folder_is_a_room_and_nothing_else_lies_loose(root, rooms):
    packages = {path.parent.name for path in root.glob("naswot/*/__init__.py")}
    assert packages == set(rooms)
    assert {path.stem for path in root.glob("naswot/*.py")} == LOOSE


def test_imports_run_downward(root, rooms):
    floor = {name: number for number, name in enumerate(reversed(rooms))} | dict.fromkeys(LOOSE, -1)
    for path in root.glob("naswot/*/**/*.py"):
        room = path.relative_to(root / "naswot").parts[0]
        used = {name.split(".")[1] for name in imported(path) if name.startswith("naswot.")}
        above = {name for name in used & floor.keys() if floor[name] > floor[room]}
        assert not above, f"{path} uses {', '.join(above)}"


def test_no_modules_import_each_other_in_a_circle(root):
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in root.glob("naswot/**/*.py")
    }
    left = {}
    for name, path in files.items():
        uses = (imported(path) & files.keys()) - {name}
        # `from naswot.spaces import nds` uses the module, not what the package's file holds.
        left[name] = {one for one in uses if not any(two.startswith(f"{one}.") for two in uses)}
    while free := [name for name, uses in left.items() if not uses & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def test_no_rule_file_defines_a_function(root):
    for path in [root / "Snakefile", root / "workflow/Snakefile", *root.glob("rules/*.smk")]:
        assert not re.search(r"^\s*def ", path.read_text(encoding="utf-8"), re.M), path
