"""Measure how long networks take for a forward pass, interleaved so that noise meets all alike.

After a warm-up, the networks take turns in rounds, in a random order per round. In its turn a
network runs once without being timed, because the others have filled the caches, and then a few
times timed. So a network measured among others has the latency that it has alone.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from naswot.costs.inputs import first_of
from naswot.errors import NaswotError
from naswot.runtime.cpu import processor_name
from naswot.runtime.device import choose_device, device_name
from naswot.runtime.progress import Progress
from naswot.scores.adapter import adapted
from naswot.scores.base import move_network
from naswot.scores.copying import copy_network
from naswot.scores.failures import how_it_fails
from naswot.scores.inputs import Inputs
from naswot.scores.lazy_modules import materialise

Shape = Sequence[int] | Inputs
Network = nn.Module | Callable[[], nn.Module]  # or what builds it when its turn comes
Pass = Callable[[], float]  # runs a network once and returns the milliseconds

DTYPES = ("float32", "float64", "bfloat16", "float16")
TIMED = 4  # passes in one turn
LEAST = 3  # timed passes, however long they take
SLOW_SHARE = 0.05  # a pass that takes this share of the time limit has a turn of one pass
GROUP_BYTES = 2**30  # weights of networks that are measured together
GROUP = 64  # networks that are measured together
ORDER_SEED = 0


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a forward pass.

    Attributes:
        median_ms: median over the timed passes.
        p95_ms: 95th percentile; NaN if it is not known.
        runs: number of timed passes; 0 if the number was not measured here.
    """

    median_ms: float
    p95_ms: float = float("nan")
    runs: int = 0


@dataclass(frozen=True)
class How:
    """How latency is measured.

    Attributes:
        device: "cpu", "cuda", "cuda:1" or "auto".
        threads: processor threads of a pass.
        batch: images per pass.
        dtype: of weights and images.
        runs: timed passes per network.
        seconds: time limit per network, without construction; three passes are timed in any case.

    Raises:
        NaswotError: a value is not allowed.
    """

    device: str = "cpu"
    threads: int = 1
    batch: int = 1
    dtype: str = "float32"
    runs: int = 50
    seconds: float = 0.2

    def __post_init__(self) -> None:
        for name in ("threads", "batch", "runs", "seconds"):
            value = getattr(self, name)
            if not value > 0:
                raise NaswotError(f"{name} of a latency is {value!r}; it has to be positive.")
        if self.dtype not in DTYPES:
            raise NaswotError(f"dtype is {self.dtype!r}; choose one of {', '.join(DTYPES)}.")

    def text(self, engine: str) -> str:
        """Return one line that states all of it; `engine` runs the networks."""
        device = choose_device(self.device)
        where = processor_name() if device.type == "cpu" else device_name(device)
        images = f"{self.batch} image{'s' if self.batch > 1 else ''}"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"median ms of a pass of {images}, {self.dtype}, {engine}, {where}, {threads}"


def measure_latency(
    networks: Mapping[str, Network],
    shape: Shape,
    how: How = How(),
    progress: Progress | None = None,
) -> dict[str, Latency | NaswotError]:
    """Return the latency of each network in eval mode, or why there is none.

    Args:
        networks: name → module, which is not changed, or a function that builds one. Up to 64
            networks whose weights have at most 1 GiB are built and measured together.
        shape: of an image, (C, H, W), or inputs (B, …) as the networks take them.
        how: device, threads, batch size, type, and limits.
        progress: advanced after each network.

    Raises:
        NaswotError: the device or the shape does not exist.
    """
    device = choose_device(how.device)
    image = first_of(shape, how.batch, getattr(torch, how.dtype)).to(device)

    def passes(network: nn.Module) -> Pass:
        network = move_network(network, device, image.dtype)
        network.eval()
        run = _on_gpu if device.type == "cuda" else _on_cpu
        return lambda: run(network, image)

    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), threads_of(how.threads):
        return measure_passes(networks, image, passes, how, progress)


def measure_passes(
    networks: Mapping[str, Network],
    image: Inputs,
    passes: Callable[[nn.Module], Pass],
    how: How,
    progress: Progress | None,
) -> dict[str, Latency | NaswotError]:
    """Return the latency of each network, whose pass `passes` makes; as `measure_latency`.

    `passes` gets a network of its own. What it and the pass raise becomes the network's failure.
    """
    found: dict[str, Latency | NaswotError] = {}
    waiting = list(networks)
    told = 0
    while waiting:
        group: dict[str, Pass] = {}
        size = 0
        while waiting and len(group) < GROUP and size < GROUP_BYTES:
            name = waiting.pop(0)
            try:
                network = _own(networks[name], image)
                size += sum(tensor.nbytes for tensor in network.parameters())
                group[name] = passes(network)
                del network
            except Exception as error:  # a network may raise anything
                found[name] = _failure(error, image)
        measured = _take_turns(group, how)
        for name, times in measured.items():
            if isinstance(times, Exception):
                found[name] = _failure(times, image)
            else:
                p95 = float(np.percentile(times, 95))
                found[name] = Latency(statistics.median(times), p95, len(times))
        if progress is not None:
            progress.advance(len(found) - told)
        told = len(found)
    return {name: found[name] for name in networks}


def _own(network: Network, image: Inputs) -> nn.Module:
    """Return a network that may be changed."""
    if not isinstance(network, nn.Module):
        made: Any = network()
        if not isinstance(made, nn.Module):
            raise NaswotError(f"cannot be built: there is a {type(made).__name__}, no Module.")
        made = adapted(made, image, None)
        materialise(made, image)
        return made
    network = adapted(network, image, None)
    materialise(network, image)
    return copy_network(network)


def _failure(error: Exception, image: Inputs) -> NaswotError:
    if isinstance(error, NaswotError):
        return error
    explained = NaswotError(how_it_fails(error, image, "give it images of another size"))
    explained.__cause__ = error
    return explained


def _take_turns(group: Mapping[str, Pass], how: How) -> dict[str, list[float] | Exception]:
    """Return the milliseconds of the timed passes of each network, or what it raised."""
    times: dict[str, list[float]] = {name: [] for name in group}
    failed: dict[str, Exception] = {}
    spent = dict.fromkeys(group, 0.0)  # seconds
    slow: set[str] = set()
    order = random.Random(ORDER_SEED)
    left = list(group)
    with _collector_paused():
        while left:
            order.shuffle(left)
            for name in left:
                started = time.perf_counter()
                try:
                    if spent[name] == 0:
                        _warm_up(name, group[name], how, slow)
                    elif name in slow:
                        times[name].append(group[name]())
                    else:
                        group[name]()
                        turn = min(TIMED, how.runs - len(times[name]))
                        times[name] += [group[name]() for _ in range(turn)]
                except Exception as error:  # a network may raise anything
                    failed[name] = error
                spent[name] += time.perf_counter() - started
            left = [
                name
                for name in left
                if name not in failed
                and len(times[name]) < how.runs
                and (spent[name] < how.seconds or len(times[name]) < LEAST)
            ]
    return {name: failed.get(name, times[name]) for name in group}


def _warm_up(name: str, run: Pass, how: How, slow: set[str]) -> None:
    """Run a network twice, or once if that takes all its time; note whether it is slow."""
    milliseconds = run()
    if milliseconds < how.seconds * 1e3:
        milliseconds = run()
    if milliseconds > SLOW_SHARE * how.seconds * 1e3:
        slow.add(name)


def _on_cpu(network: nn.Module, image: Inputs) -> float:
    with torch.inference_mode():
        started = time.perf_counter()
        network(image)
        return (time.perf_counter() - started) * 1e3


def _on_gpu(network: nn.Module, image: Inputs) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    with torch.inference_mode():
        torch.cuda.synchronize(image.device)
        start.record()
        network(image)
        end.record()
        end.synchronize()
    return start.elapsed_time(end)


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    """Let torch compute with `count` threads while entered."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from running within a timed pass."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
