"""What all tests share: the repository, the reference data, small helpers."""

import fcntl
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from browsing import launched
from hypothesis import settings
from watching.sitecustomize import watch
from workdirs import Workdir

from naswot.scores import FAMILIES, FAMILY_OF, Family

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("NASWOT_SHARED", ROOT.parent / "shared"))


def refuse(event: str, details: list[str], who: str) -> None:
    """Fail the test in which our library leaves it to a pickle what is imported."""
    if event == "pickle.find_class" and who == "naswot":
        pytest.fail(f"naswot let a pickle import {'.'.join(details)}")


watch(refuse)

# No test is timed: how long an example takes is the machine's affair and that of its neighbours.
settings.register_profile("naswot", deadline=None)
settings.load_profile("naswot")


def pytest_collection_modifyitems(items):
    """Run fast tests first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference tables, images and values; not part of the repository."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no reference data: {SHARED} is absent (set NASWOT_SHARED to its place)")
    return SHARED


@pytest.fixture(scope="session")
def mirror(shared) -> Path:
    return shared / "data"


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium; without one the tests skip, unless CI asks for it."""
    with launched() as chromium:
        yield chromium


@pytest.fixture
def noise():
    """Return a maker of fixed standard normal images, (count, 3, size, size)."""

    def make(count: int = 8, size: int = 8, seed: int = 0) -> torch.Tensor:
        generator = np.random.default_rng(seed)
        return torch.from_numpy(generator.standard_normal((count, 3, size, size), np.float32))

    return make


@pytest.fixture
def register(monkeypatch):
    """Return a function that adds a family of one made-up score."""

    def add(name, compute, **about):
        module = types.SimpleNamespace(compute=compute)
        monkeypatch.setitem(sys.modules, f"naswot.scores.{name}", module)
        monkeypatch.setitem(FAMILIES, name, Family(name, {name: ""}, **about))
        monkeypatch.setitem(FAMILY_OF, name, name)

    return add


@pytest.fixture(scope="session")
def fresh(root, tmp_path_factory):
    """Return a maker of copies of the repository without any results."""

    def make() -> Workdir:
        return Workdir.fresh(root, tmp_path_factory.mktemp("fresh"))

    return make


@pytest.fixture(scope="session")
def complete(fresh, tmp_path_factory, worker_id, root) -> Workdir:
    """Return a workdir in which everything was made once. Read it; change copies of it.

    Workers that test side by side share it: the first that needs it makes it, others wait. Beside
    it, in the folder `watched`, the processes of the run left what they did.
    """
    base = tmp_path_factory.getbasetemp()
    place = base if worker_id == "master" else base.parent
    workdir, watched = Workdir(place / "complete"), place / "watched"
    with (place / "complete.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not workdir.path.exists():
            made = fresh()
            watched.mkdir(exist_ok=True)
            watching = str(root / "tests/support/watching")
            places = filter(None, [watching, os.environ.get("PYTHONPATH")])
            run = made.run(NASWOT_WATCH=str(watched), PYTHONPATH=os.pathsep.join(places))
            assert run.code == 0, run.text
            made.path.rename(workdir.path)
    return workdir
