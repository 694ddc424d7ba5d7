"""Plans compute what the networks of modules compute."""

import random

import pytest
import torch
from threads import using

from naswot import NaswotError
from naswot.scores.base import Batch, Options, measure
from naswot.scores.codes import runs_plans
from naswot.scores.custom import family_named
from naswot.scores.naswot import hamming_kernel
from naswot.spaces import SPACES
from naswot.spaces.nasbench201 import cells

NASWOT = family_named("naswot")
PLANNED = sorted(name for name, space in SPACES.items() if space.plan)
EXAMPLES = {
    "nasbench201": [
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|none~2|",
        "|avg_pool_3x3~0|+|none~0|avg_pool_3x3~1|+|avg_pool_3x3~0|skip_connect~1|none~2|",
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|",
        *random.Random(0).sample(cells.architectures(), 10),
    ],
    "nasbench101": [
        '{"matrix":[[0,1],[0,0]],"ops":["input","output"]}',
        '{"matrix":[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]],'
        '"ops":["input","conv3x3-bn-relu","maxpool3x3","output"]}',
        '{"matrix":[[0,1,1,1,0],[0,0,1,0,1],[0,0,0,0,1],[0,0,0,0,1],[0,0,0,0,0]],'
        '"ops":["input","conv1x1-bn-relu","conv3x3-bn-relu","maxpool3x3","output"]}',
        '{"matrix":[[0,1,0,1,0,1],[0,0,1,1,0,0],[0,0,0,1,0,1],[0,0,0,0,1,0],[0,0,0,0,0,1],'
        '[0,0,0,0,0,0]],"ops":["input","conv3x3-bn-relu","maxpool3x3","conv1x1-bn-relu",'
        '"conv3x3-bn-relu","output"]}',
        '{"matrix":[[0,1,0,0,1,0,1],[0,0,1,1,0,0,0],[0,0,0,0,0,0,1],[0,0,0,0,0,1,0],'
        '[0,0,0,0,0,1,0],[0,0,0,0,0,0,1],[0,0,0,0,0,0,0]],"ops":["input","conv3x3-bn-relu",'
        '"conv1x1-bn-relu","conv3x3-bn-relu","maxpool3x3","conv3x3-bn-relu","output"]}',
    ],
    "natsbench_sss": ["8:8:8:8:8", "64:64:64:64:64", "8:48:16:64:24", "40:8:56:8:32"],
}

pytestmark = pytest.mark.skipif(
    not runs_plans(torch.device("cpu")), reason="plans need numba and draw as torch on x86"
)


def images(batch=6, size=16, seed=1):
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(seed))


def both(space, arch, inputs, precision="float32", seed=0, classes=1):
    for make in (space.build, space.plan):
        torch.manual_seed(seed)
        yield hamming_kernel(make(arch, classes), inputs, precision)


def test_each_plan_has_examples():
    assert sorted(EXAMPLES) == PLANNED


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", PLANNED)
def test_kernels_are_identical(name, precision):
    for number, arch in enumerate(EXAMPLES[name]):
        modules, plan = both(SPACES[name], arch, images(), precision, seed=number)
        assert torch.equal(modules.matrix, plan.matrix), arch
        assert (modules.units, modules.modules) == (plan.units, plan.modules)


@pytest.mark.parametrize("name", PLANNED)
@pytest.mark.parametrize(
    ("batch", "size", "threads"), [(1, 8, 1), (3, 4, 1), (4, 6, 1), (5, 32, 2), (5, 64, 4)]
)
def test_so_are_those_of_other_mini_batches_and_threads(name, batch, size, threads):
    with using(threads):
        modules, plan = both(SPACES[name], EXAMPLES[name][-1], images(batch, size), classes=7)
    assert torch.equal(modules.matrix, plan.matrix)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_gives_no_score(value):
    inputs = images()
    inputs[2, 1, 3, 3] = value
    for arch in EXAMPLES["nasbench201"]:
        modules, plan = both(SPACES["nasbench201"], arch, inputs)
        assert torch.equal(modules.matrix.isnan(), plan.matrix.isnan()), arch


@pytest.mark.parametrize(("batch", "size"), [(4, 2), (1, 4)])
def test_images_that_do_not_fit_fail_alike(batch, size):
    space, arch, ends = SPACES["nasbench201"], EXAMPLES["nasbench201"][4], []
    for make in (space.build, space.plan):
        with pytest.raises(NaswotError) as raised:
            hamming_kernel(make(arch, 1), images(batch, size))
        ends.append(str(raised.value).partition("fails")[2])
    assert ends[0] == ends[1] != ""


def test_random_numbers_follow_the_state_of_the_generator():
    space, arch = SPACES["nasbench201"], EXAMPLES["nasbench201"][3]
    for seed in (0, 1, 0):
        modules, plan = both(space, arch, images(), seed=seed)
        assert torch.equal(modules.matrix, plan.matrix)
    torch.manual_seed(0)
    torch.rand(5)  # the generator stands elsewhere than after a seed
    state = torch.get_rng_state()
    modules = hamming_kernel(space.build(arch, 1), images())
    torch.set_rng_state(state)
    assert torch.equal(modules.matrix, hamming_kernel(space.plan(arch, 1), images()).matrix)


def test_a_plan_is_measured_like_a_network():
    space, arch = SPACES["nasbench201"], EXAMPLES["nasbench201"][3]
    batch = Batch(images(), torch.zeros(6, dtype=torch.int64), 10)
    found = []
    for make in (space.build, space.plan):
        torch.manual_seed(3)
        found.append(measure(lambda: make(arch, 1), batch, [NASWOT], Options())["naswot"])  # noqa: B023
    modules, plan = found
    assert (modules.value, modules.relu_units, modules.note) == (plan.value, plan.relu_units, "")
