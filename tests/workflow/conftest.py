"""What tests of the workflow share."""

import pytest
from workdirs import Workdir


@pytest.fixture(scope="session")
def fresh(root, tmp_path_factory):
    """Return a maker of copies of the repository without any results."""

    def make() -> Workdir:
        return Workdir.fresh(root, tmp_path_factory.mktemp("fresh"))

    return make


@pytest.fixture(scope="session")
def complete(fresh) -> Workdir:
    """Return a workdir in which everything was made once. Read it; change copies of it."""
    workdir = fresh()
    run = workdir.run()
    assert run.code == 0, run.text
    return workdir


@pytest.fixture
def finished(complete, tmp_path) -> Workdir:
    """Return a copy of the complete workdir, to change at will."""
    return complete.copy(tmp_path / "copy")
