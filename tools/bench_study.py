"""Time `naswot search`: drawing candidates, the search's own overhead, and more processes.

    python tools/bench_study.py [--networks 100] [--image-size 16] [--precision bfloat16]

Three figures, each a rate or a ratio within one run:

- candidates a minute that are drawn and checked against limits on parameters and operations, by one
  process, per space;
- wall time of a random search of NAS-Bench-201 in one process, over that of `naswot.rank` for the
  same networks: the rest is the search's own. The start of processes is left out;
- the same search by one process and by one per core, beside how much faster the machine is when as
  many separate programs run `naswot.rank` at once.
"""

import argparse
import functools
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from naswot import rank
from naswot.costs.limits import Limits
from naswot.images import mini_batch
from naswot.runtime.cpu import available_cores
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import fitted
from naswot.study.candidates import Candidates
from naswot.study.problem import Problem, Source
from naswot.study.proposing import Method
from naswot.study.run import Plan, directions_of, run
from naswot.study.storage import Storage

SPACES = ("nasbench201", "natsbench_sss", "mobile", "resnet")
CANDIDATES = 2000
SHAPE = (3, 32, 32)


def candidates_a_minute(name: str) -> float:
    """Return the rate, at limits that half of the networks keep."""
    space = fitted(choice_space(name), SHAPE)
    drawn = Candidates(space, Method(), lambda arch: {}, Limits({}), (), seed=1)
    costs = [space.count(drawn.next().drawn.arch, 10, SHAPE) for _ in range(200)]
    middle = {kind: sorted(cost[kind] for cost in costs)[100] for kind in costs[0]}
    drawn = Candidates(
        space, Method(), lambda arch: space.count(arch, 10, SHAPE), Limits(middle), (), seed=0
    )
    started = time.perf_counter()
    for _ in range(CANDIDATES):
        drawn.next()
    seconds = time.perf_counter() - started
    return 60 * (CANDIDATES + drawn.refused) / seconds


def search(problem: Problem, networks: int, jobs: int) -> tuple[float, list[str]]:
    """Return seconds per network without the processes' start, and the networks."""
    times: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(Path(folder) / "study.journal", {}, directions_of(problem))
        run(
            problem,
            Plan("random", networks + 2 * jobs, None, jobs),
            storage,
            lambda records, refused: times.append((time.perf_counter(), len(records))),
        )
        names = [record.drawn.arch for record in storage.records()]
    # The first networks of each process set torch and numba up.
    start, done = times[2 * jobs - 1]
    end, last = times[-1]
    return (end - start) / (last - done), names[done:last]


def ranking(problem: Problem, names: list[str], ready: Any = None) -> float:
    """Return seconds per network of `naswot.rank` in this process, on one thread."""
    torch.set_num_threads(1)
    space = choice_space("nasbench201")
    makes = {name: functools.partial(space.build, name, 10) for name in names}
    images = torch.from_numpy(problem.images)
    rank(dict(list(makes.items())[:2]), images, precision=problem.precision)  # sets up
    if ready is not None:
        ready.wait()
    started = time.perf_counter()
    rank(makes, images, precision=problem.precision)
    return (time.perf_counter() - started) / len(names)


def rankings_at_once(problem: Problem, names: list[str], jobs: int) -> float:
    """Return seconds per network of so many programs that run `naswot.rank` at the same time."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool, context.Manager() as manager:
        ready = manager.Barrier(jobs)
        each = [pool.submit(ranking, problem, names, ready) for _ in range(jobs)]
        return max(one.result() for one in each) / jobs


def main() -> None:
    """Print the three figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--image-size", type=int, default=16)
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args()
    for name in SPACES:
        print(f"{name:14} {candidates_a_minute(name):10,.0f} candidates a minute", flush=True)
    batch = mini_batch("photos", 128, options.image_size, 0)
    problem = Problem(
        Source("nasbench201"), batch.images, None, 10, ("naswot",), ("params", "flops"),
        ("params",), Limits({}), precision=options.precision,
    )  # fmt: skip
    size = f"{options.image_size}×{options.image_size}"
    print(f"NAS-Bench-201, {size}, {options.precision}, milliseconds per network:")
    one, names = search(problem, options.networks, 1)
    alone = ranking(problem, names)
    print(f"  one process {1e3 * one:.0f}, naswot.rank {1e3 * alone:.0f}: {one / alone:.2f}×")
    jobs = available_cores()
    many, names = search(problem, options.networks, jobs)
    together = rankings_at_once(problem, names, jobs)
    print(
        f"  {jobs} processes {1e3 * many:.0f}: {one / many:.2f}× as fast; separate programs of "
        f"naswot.rank: {alone / together:.2f}×"
    )
    print(f"  1,000 networks take {1000 * many:.0f} s")


if __name__ == "__main__":
    main()
