"""What tests of the workflow share."""

import pytest
from workdirs import Workdir


@pytest.fixture
def finished(complete, tmp_path) -> Workdir:
    """Return a copy of the complete workdir, to change at will."""
    return complete.copy(tmp_path / "copy")
