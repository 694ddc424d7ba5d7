"""The command `naswot doctor`: what this machine has, and whether scores are right on it."""

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from naswot import __version__
from naswot.cli.terminal import waiting
from naswot.errors import NaswotError
from naswot.runtime.cpu import available_cores, processor_name
from naswot.runtime.extras import EXTRA_OF

CORE = ("torch", "numpy", "pandas", "scipy", "scikit-image", "rich")
PACKAGES = {"google_crc32c": "google-crc32c", "sklearn": "scikit-learn"}  # of modules
SECONDS = 10.0  # of the self-test
TOLERANCE = 0.01  # relative difference of scores in another precision or on another device
# Cells of NAS-Bench-201: convolutions alone, all operations, and few ReLUs.
CELLS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|",
    "|skip_connect~0|+|avg_pool_3x3~0|none~1|+|nor_conv_1x1~0|skip_connect~1|avg_pool_3x3~2|",
)


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    doctor = commands.add_parser(
        "doctor",
        help="tell what this machine has, and test scores on it for ten seconds",
        description="Tell what this machine has: versions, devices, precisions, caches. Then score "
        "three networks by the fast and by the simple path and compare. Paste the output into a "
        "report. The exit code is 1 if the paths disagree.",
    )
    doctor.add_argument(
        "--format", choices=("table", "json"), default="table", help="(default: table)"
    )
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    found = {**dict(_machine()), **dict(_packages())}
    with waiting("Scoring networks in several ways, about ten seconds"):
        tests = _self_test()
    failed = any(not test.passed for test in tests)
    if options.format == "json":
        print(json.dumps({**found, "tests": [asdict(test) for test in tests]}, indent=2))
        return int(failed)
    width = max(map(len, found))
    for name, text in found.items():
        print(f"{name:{width}}  {text}")
    for test in tests:
        print(f"{'self-test':{width}}  {test.text}")
    return int(failed)


def _machine() -> Iterator[tuple[str, str]]:
    import torch

    from naswot.runtime.device import choose_precision

    cpu = torch.device("cpu")
    yield "naswot", f"{__version__}, {Path(__file__).parent.parent}"
    yield "python", f"{platform.python_version()}, {sys.executable}"
    yield "system", platform.platform()
    yield (
        "processor",
        f"{processor_name()}, {available_cores()} cores, {torch.get_num_threads()} threads, "
        f"precision that pays: {choose_precision('auto', cpu)}",
    )
    gpus = range(torch.cuda.device_count())
    for number in gpus:
        about = torch.cuda.get_device_properties(number)
        yield (
            f"cuda:{number}",
            f"{about.name}, {about.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}, "
            f"precision that pays: {choose_precision('auto', torch.device('cuda', number))}",
        )
    if not gpus:
        yield "gpu", "torch sees none"
    yield "compiled code", _compiled_code()


def _compiled_code() -> str:
    """Return where numba keeps the compiled fused pass, if it can write there."""
    if find_spec("numba") is None:
        return "numba is not installed: pip install 'naswot[fast]' for faster scores"
    folder = Path(__file__).parent.parent / "scores/fused/__pycache__"
    files = list(folder.glob("*.nbc"))
    if not files:
        return f"none in {folder} yet"
    return f"{folder}, {len(files)} files, {sum(f.stat().st_size for f in files) / 2**20:.1f} MiB"


def _packages() -> Iterator[tuple[str, str]]:
    for name in CORE:
        yield name, version(name)
    missing: dict[str, list[str]] = {}
    for module, extra in EXTRA_OF.items():
        name = PACKAGES.get(module, module)
        try:
            yield name, version(name)
        except PackageNotFoundError:
            missing.setdefault(extra, []).append(name)
    for extra, names in missing.items():
        yield f"not installed [{extra}]", ", ".join(names)


@dataclass(frozen=True)
class Test:
    """The same networks, scored in one way.

    Attributes:
        device, precision, path: the way; the path is "simple" or "fused".
        seconds_per_network: to score one, in the mean.
        times_as_fast: how many times as fast as the simple path on the CPU in float32.
        largest_relative_difference: of a score from that of the simple path.
        passed: whether that is small enough: 0 on the CPU in float32, else `TOLERANCE`.
        failure: the error, if the networks could not be scored.
    """

    device: str
    precision: str
    path: str
    seconds_per_network: float = math.nan
    times_as_fast: float = math.nan
    largest_relative_difference: float = math.nan
    passed: bool = False
    failure: str = ""

    @property
    def text(self) -> str:
        """The test in one line."""
        way = f"{self.device}, {self.precision}, {self.path} path"
        if self.failure:
            return f"{way}: FAILED, please report: {self.failure}"
        percent = 100 * self.largest_relative_difference
        scores = f"differ by up to {percent:.2g} %" if percent else "are equal"
        return (
            f"{way}: {self.seconds_per_network:.3f} s a network, {self.times_as_fast:.1f} times as "
            f"fast; scores {scores}{'' if self.passed else ', TOO MUCH, please report'}"
        )


def _ways() -> list[tuple[str, str, str]]:
    """Return the ways to score, the simple one first, with which the others are compared."""
    import torch

    from naswot.runtime.device import choose_precision

    fast = "fused" if find_spec("numba") else "simple"
    ways = [("cpu", "float32", path) for path in dict.fromkeys(("simple", fast))]
    if choose_precision("auto", torch.device("cpu")) == "bfloat16":
        ways.append(("cpu", "bfloat16", fast))
    for number in range(torch.cuda.device_count()):
        device = f"cuda:{number}"
        precisions = dict.fromkeys(("float32", choose_precision("auto", torch.device(device))))
        ways += [(device, precision, "simple") for precision in precisions]
    return ways


def _self_test() -> list[Test]:
    """Score the same networks in each way; compare seconds and scores with the first way."""
    tests: list[Test] = []
    expected: list[float] = []
    ways = _ways()
    for way in ways:
        try:
            seconds, scores = _scored(*way, limit=SECONDS / len(ways))
        except (NaswotError, RuntimeError) as error:  # of a GPU that is full, say
            tests.append(Test(*way, failure=" ".join(str(error).split())))
            continue
        expected = expected or scores
        apart = max(abs(one / other - 1) for one, other in zip(scores, expected, strict=True))
        passed = apart <= (0 if way[:2] == ("cpu", "float32") else TOLERANCE)
        first = tests[0].seconds_per_network if tests else seconds
        tests.append(Test(*way, seconds, first / seconds, apart, passed))
    return tests


def _scored(device: str, precision: str, path: str, limit: float) -> tuple[float, list[float]]:
    """Return the mean seconds of a network, within about `limit` seconds, and the scores."""
    import torch

    from naswot.scores.naswot import hamming_kernel, log_determinant
    from naswot.spaces.nasbench201 import SPACE

    generator = torch.Generator().manual_seed(0)
    images = torch.randn(64, 3, 32, 32, generator=generator).to(device)

    def scores() -> list[float]:
        found = []
        for arch in CELLS:
            with torch.random.fork_rng([]):
                torch.manual_seed(0)
                network = SPACE.build(arch, 10)
            kernel = hamming_kernel(network, images, precision, fused=path == "fused").matrix
            found.append(log_determinant(kernel))
        return found

    first = scores()  # code may be compiled, and memory reserved
    started, rounds = time.perf_counter(), 0
    while rounds == 0 or time.perf_counter() - started < limit:
        scores()
        rounds += 1
    return (time.perf_counter() - started) / rounds / len(CELLS), first
