"""Small searches, of the space in small_space.py on a few tiny images."""

from pathlib import Path

from naswot.costs.limits import Limits
from naswot.images import mini_batch
from naswot.study.problem import Problem, Source
from naswot.study.run import Plan, directions_of, run
from naswot.study.storage import Storage

SPACE = Path(__file__).with_name("small_space.py")


def problem_of(*, space=SPACE, size=8, limits=None, seed=0, scores=("naswot",), **about):
    """Return a problem on 16 images."""
    batch = mini_batch("photos", 16, size, seed)
    limits = Limits(limits or {})
    about = {"costs": ("params", "flops"), "traded": ("params",)} | about
    return Problem(
        Source(str(space)), batch.images, None, 10, tuple(scores), limits=limits, seed=seed, **about
    )


def search(problem, where, *, method="random", networks=20, jobs=1, watch=None, **plan):
    """Run a search, and return why it ended and its records."""
    storage = Storage(where, {"seed": problem.seed}, directions_of(problem))
    plan = {"seconds": None} | plan
    seen = watch or (lambda records, refused: None)
    why = run(problem, Plan(method, networks, jobs=jobs, **plan), storage, seen)
    return why, storage.records()


def a_second(network, shape):
    """Return a latency in milliseconds, as a user's function may."""
    return 1000.0
