"""Scores are the same to the last bit with one thread, and to six digits with others."""

import pytest
import torch
from threads import using

from naswot import score
from naswot.spaces import SPACES

# What other numbers of threads may change of a float32 score, relatively:
# docs/explanation/reliability.md.
TOLERANCE = 1e-5

CELLS = (13281, 258, 9946, 4807)  # the first is the one of 24 that threads change most
SPACE = SPACES["nasbench201"]
ARCHITECTURES = list(SPACE.architectures())


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def scored(cell: int, images: torch.Tensor, count: int) -> float:
    with using(count):
        torch.manual_seed(0)
        return score(SPACE.build(ARCHITECTURES[cell], 1), images).value


@pytest.mark.parametrize("cell", CELLS)
def test_one_thread_gives_the_same_bits_again(cell, images):
    assert scored(cell, images, 1) == scored(cell, images, 1)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("count", [2, 4])
def test_other_numbers_of_threads_change_no_more_than_is_said(cell, count, images):
    assert scored(cell, images, count) == pytest.approx(scored(cell, images, 1), rel=TOLERANCE)
