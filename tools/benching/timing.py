"""Time the literal protocol and our score on the same networks and images."""

import gc
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import oracle
import torch
from torch import nn

from benching.networks import TIMED
from naswot.images import mini_batch
from naswot.runtime.device import choose_device, peak_memory, tune_allocator
from naswot.scores import codes, naswot, relu, size
from naswot.scores.plan import Plan
from naswot.spaces import SPACES

MATRIX = {"cpu": 2048, "cuda": 8192}  # side of the matrices whose product is the peak
FORWARD = ("read_graph", "run")  # the functions that run a network: of modules, and a plan
WAYS = (("ours", True, True), ("modules", True, False), ("simple", False, False))
PEAK_S = 1.0  # how long products are repeated


@dataclass(frozen=True)
class Settings:
    """What all workers do alike: device, images in the batch, their side in pixels, seed."""

    device: str = "cpu"
    batch: int = 128
    size: int = 32
    seed: int = 0


class Worker:
    """Times networks in this process, with one torch thread, as a scoring job of the workflow."""

    def __init__(self, settings: Settings):
        warnings.filterwarnings("ignore", "Using a non-full backward hook", FutureWarning)
        torch.set_num_threads(1)
        self.settings = settings
        self.device = choose_device(settings.device)
        # Noise, which needs no other package; to the seconds the images hardly matter.
        drawn = mini_batch("noise", settings.batch, settings.size, settings.seed)
        self.images = torch.from_numpy(drawn.images).to(self.device)
        self.ours("nasbench201", SPACES["nasbench201"].architectures()[0], "float32")
        tune_allocator()

    def now(self) -> float:
        """Return seconds on a clock, once the device has done all it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def build(self, space: str, arch: str) -> nn.Module:
        """Return the network of modules, with one output, from the same seed as in scoring."""
        torch.manual_seed(self.settings.seed)
        return SPACES[TIMED[space][0]].build(arch, 1)

    def make(self, space: str, arch: str) -> nn.Module | Plan:
        """Return the network in the form in which it is scored: a plan, if its space has one."""
        torch.manual_seed(self.settings.seed)
        known = SPACES[TIMED[space][0]]
        planned = known.plan is not None and codes.runs_plans(self.device)
        return (known.plan if planned else known.build)(arch, 1)

    def protocol(self, space: str, arch: str) -> float:
        """Return the seconds of the literal protocol, construction included."""
        started = self.now()
        oracle.score(self.build(space, arch).to(self.device), self.images)
        return self.now() - started

    def ours(
        self, space: str, arch: str, precision: str, fused: bool = True, plans: bool = True
    ) -> float:
        """Return the seconds of our score, construction included."""
        started = self.now()
        network = (self.make if plans else self.build)(space, arch)
        kernel, *_ = naswot.hamming_kernel(network, self.images, precision, fused=fused)
        naswot.log_determinant(kernel)
        return self.now() - started

    def compare(
        self, space: str, archs: Sequence[str], precisions: Sequence[str]
    ) -> list[dict[str, float]]:
        """Return the seconds of each network by every method, one after the other.

        "modules" is our score without plans, "simple" without the fused pass, too. The first
        network goes first once more, for what is set up once.
        """
        methods = {"protocol": self.protocol}
        for kind, fused, plans in WAYS:
            for precision in precisions:
                method = partial(self.ours, precision=precision, fused=fused, plans=plans)
                methods[f"{kind} {precision}"] = method
        rows = []
        for arch in (archs[0], *archs):
            gc.collect()  # what a method leaves behind is not the next one's to clean up
            rows.append({name: method(space, arch) for name, method in methods.items()})
        return rows[1:]

    def alone(self, space: str, archs: Sequence[str], precision: str) -> float:
        """Return the seconds of all networks by our score, nothing else in between."""
        self.ours(space, archs[0], precision)
        started = self.now()
        for arch in archs:
            self.ours(space, arch, precision)
        return self.now() - started

    def phases(self, space: str, archs: Sequence[str], precision: str) -> list[dict[str, float]]:
        """Return the seconds of each network by phase, and the operations of its forward pass.

        "codes" is what computes codes and their products. The fused pass computes codes with the
        ReLU's output; there they belong to "forward".
        """
        rows = []
        for arch in archs:
            operations = size.flops(self.build(space, arch), self.images) * len(self.images)
            rows.append(self._phases(space, arch, precision) | {"operations": operations})
        return rows

    def _phases(self, space: str, arch: str, precision: str) -> dict[str, float]:
        with stopwatch(self.now) as watch:
            started = self.now()
            network = self.make(space, arch)
            kernel, *_ = naswot.hamming_kernel(network, self.images, precision)
            made = self.now()
            naswot.log_determinant(kernel)
            ended = self.now()
        return {
            "build": watch.first - started,  # with the move to the device, precision and layout
            "forward": watch.forward() - watch.codes(),
            "codes": watch.codes(),
            "kernel": made - watch.last,
            "determinant": ended - made,
        }

    def peak(self, precision: str) -> float:
        """Return the operations a second of a matrix product in this precision, the best of many.

        A GPU takes TF32 for float32 if its convolutions do, which is their default.
        """
        side = MATRIX[self.device.type]
        matrix = torch.rand(side, side, dtype=naswot.PRECISIONS[precision], device=self.device)
        allowed = torch.get_float32_matmul_precision()
        if self.device.type == "cuda" and torch.backends.cudnn.allow_tf32:
            torch.set_float32_matmul_precision("high")
        torch.mm(matrix, matrix)
        seconds: list[float] = []
        while sum(seconds) < PEAK_S:
            started = self.now()
            torch.mm(matrix, matrix)
            seconds.append(self.now() - started)
        torch.set_float32_matmul_precision(allowed)
        return 2 * side**3 / min(seconds)

    def memory(
        self, space: str, archs: Sequence[str], precision: str
    ) -> tuple[float, float | None]:
        """Return the peak in MiB of this process, and on the GPU, after scoring all networks.

        Only a process that has done nothing else can tell.
        """
        for arch in archs:
            self.ours(space, arch, precision)
        on_gpu = peak_memory(self.device) if self.device.type == "cuda" else None
        return peak_memory(torch.device("cpu")), on_gpu


class Stopwatch:
    """Adds up the seconds of functions; knows when the forward pass began and ended."""

    def __init__(self, now: Callable[[], float]):
        self.now = now
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.first = self.last = 0.0

    def forward(self) -> float:
        """Return the seconds of the forward pass, with codes."""
        return sum(seconds for name, seconds in self.seconds.items() if name in FORWARD)

    def codes(self) -> float:
        """Return the seconds of forming codes and their products."""
        return sum(self.seconds.values()) - self.forward()

    def timed(self, function: Callable) -> Callable:
        """Return `function`, timed under its name."""

        def call(*args, **kwargs):
            started = self.now()
            try:
                return function(*args, **kwargs)
            finally:
                ended = self.now()
                self.seconds[function.__name__] += ended - started
                if function.__name__ in FORWARD:  # tried again if its first way fails
                    self.first, self.last = self.first or started, ended

        return call


@contextmanager
def stopwatch(now: Callable[[], float]) -> Iterator[Stopwatch]:
    """While active, the forward pass and what forms codes and their products are timed."""
    watch = Stopwatch(now)
    places = [
        (codes, "read_graph"),
        (relu, "binary_codes"),
        (relu, "pairwise_active"),
    ]
    if codes.FusedRecorder is not None:
        from naswot.scores.fused import loops

        places += [(codes.operations, "run"), (loops, "count_overlaps")]
    with ExitStack() as stack:
        for module, name in places:
            stack.enter_context(patch.object(module, name, watch.timed(getattr(module, name))))
        yield watch
