"""A user's own scores: functions of a network and a mini-batch.

A score function takes `(network, batch)`, a `torch.nn.Module` in train mode and a
`naswot.scores.base.Batch`, and returns a number, or a mapping from the declared outputs to numbers.
It gets copies and may change them. `declare` says what it needs. In configurations and on the
command line it is named MODULE:FUNCTION, or, if an installed package offers it, by the name of its
entry point in the group `naswot.scores`; one of several outputs is MODULE:FUNCTION@OUTPUT.

A function that raises, takes too long or returns something else leaves a gap and a note. One that
takes too long on `PATIENCE` networks in a row is not tried on the others of a ranking or job.
"""

import dataclasses
import functools
import inspect
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any

from naswot.errors import NaswotError
from naswot.io.python_files import local_imports
from naswot.io.user_code import find_callable
from naswot.scores import AGGREGATES, FAMILIES, FAMILY_OF, NEEDS, Family, members_of

GROUP = "naswot.scores"
TIME_LIMIT_S = 60.0
PATIENCE = 3  # networks in a row on which a function may reach its time limit
EXAMPLE = "mymodule:myscore for `myscore` in mymodule.py here"
DECLARED = "naswot_score"  # the attribute of a function that holds its declaration


@dataclass(frozen=True)
class Declaration:
    """What a score function says of itself; the arguments of `declare`."""

    needs: tuple[str, ...] = ("images",)
    lower_is_better: bool = False
    cost: float = 1.0
    outputs: tuple[str, ...] = ()
    time_limit_s: float = TIME_LIMIT_S


def declare(
    *,
    needs: tuple[str, ...] = ("images",),
    lower_is_better: bool = False,
    cost: float = 1.0,
    outputs: tuple[str, ...] = (),
    time_limit_s: float = TIME_LIMIT_S,
) -> Callable[[Callable], Callable]:
    """Return a decorator that says what a score function needs and means.

    Args:
        needs: out of `naswot.scores.NEEDS`: what it reads, such as "labels" or "gradient".
        lower_is_better: whether better networks have lower values.
        cost: time per network, naswot = 1; it sizes the jobs of the workflow.
        outputs: names of the numbers, if it returns a mapping.
        time_limit_s: seconds for one network; after that it has no score.

    Raises:
        NaswotError: an unknown need, or an argument that has another form.
    """
    for name, value in (("needs", needs), ("outputs", outputs)):
        if isinstance(value, str):
            raise NaswotError(f"{name} is a text; write a tuple: {name}=({value!r},).")
    unknown = [need for need in needs if need not in NEEDS]
    if unknown:
        raise NaswotError(f"A score cannot need {unknown[0]!r}; it can need {', '.join(NEEDS)}.")
    if len(set(outputs)) < len(outputs) or not all(map(str.isidentifier, outputs)):
        raise NaswotError("outputs are different names of letters, digits and underscores.")
    for name, number in (("cost", cost), ("time_limit_s", time_limit_s)):
        if not 0 < number < math.inf:
            raise NaswotError(f"{name} is {number}; it has to be a number above 0.")
    declaration = Declaration(tuple(needs), lower_is_better, cost, tuple(outputs), time_limit_s)

    def mark(function: Callable) -> Callable:
        setattr(function, DECLARED, declaration)
        return function

    return mark


class Patience:
    """A score function that is not called any more once it hangs on `PATIENCE` networks in a row.

    It belongs to one ranking or one job; see `with_patience`.
    """

    def __init__(self, func: Callable):
        self.func = func
        self.in_a_row = 0  # networks on which it reached its time limit

    def __call__(self, network: Any, batch: Any) -> Any:
        """Return what the function returns. Raises `NaswotError` if it is not called."""
        if self.in_a_row >= PATIENCE:
            limit = declaration_of(self).time_limit_s
            raise NaswotError(
                f"not tried: it took more than {limit:g} s on {PATIENCE} networks in a row"
            )
        before, self.in_a_row = self.in_a_row, 0
        try:
            return self.func(network, batch)
        except _TimeLimitError:
            self.in_a_row = before + 1
            raise


def with_patience(family: Family) -> Family:
    """Return `family` for one ranking or job, in which a user's function may hang and be given up.

    Built-in families are returned as they are.
    """
    if family.function is None:
        return family
    return dataclasses.replace(family, function=Patience(family.function))


def _unwrapped(function: Callable) -> Callable:
    if isinstance(function, functools.partial | Patience):
        return _unwrapped(function.func)
    return function


def declaration_of(function: Callable) -> Declaration:
    """Return what a score function, or one with some arguments fixed, says of itself."""
    return getattr(_unwrapped(function), DECLARED, Declaration())


def family_from(function: Callable, name: str) -> Family:
    """Return the family of the scores of a function, which are called `name`."""
    declared = declaration_of(function)
    summary = (inspect.getdoc(_unwrapped(function)) or "").partition("\n")[0]
    scores = [f"{name}@{output}" for output in declared.outputs] or [name]
    return Family(
        name,
        dict.fromkeys(scores, summary),
        needs=tuple(need for need in declared.needs if need != "labels"),
        labelled=tuple(scores) if "labels" in declared.needs else (),
        lower_is_better=tuple(scores) if declared.lower_is_better else (),
        relative_cost=declared.cost,
        function=function,
    )


@functools.cache
def family_named(name: str) -> Family:
    """Return a family by its name, built-in or a user's.

    Raises:
        NaswotError: there is none; for MODULE:FUNCTION also if it cannot be imported.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if ":" in name:
        return family_from(find_callable(name, "score", EXAMPLE), name)
    if name in installed():
        return family_from(find_callable(installed()[name], "score", EXAMPLE), name)
    raise NaswotError(f"There is no score {name!r}.")


def source_files(name: str) -> list[str]:
    """Return the file of a user's score, and the files beside it that it imports.

    Raises:
        NaswotError: as `family_named`.
    """
    family_named(name)  # imports it
    name = installed().get(name, name)
    file = sys.modules[name.partition(":")[0]].__file__
    return local_imports(file) if file and file.endswith(".py") else []


def is_custom(score: str) -> bool:
    """Return whether `score` is named like a user's own: MODULE:FUNCTION, or by an entry point."""
    name = score.partition("@")[0]
    return ":" in name or (name not in {*FAMILY_OF, *AGGREGATES} and name in installed())


@functools.cache
def installed() -> dict[str, str]:
    """Return the scores that installed packages offer: name → MODULE:FUNCTION."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def family_of(score: str) -> Family:
    """Return the family of a score, built-in or a user's.

    Raises:
        NaswotError: as `family_named`; or its function has no such output, or needs one.
    """
    if score in FAMILY_OF:
        return FAMILIES[FAMILY_OF[score]]
    family = family_named(score.partition("@")[0])
    if score not in family.scores:
        raise NaswotError(f"There is no score {score!r}; there are {', '.join(family.scores)}.")
    return family


def needs_of(score: str) -> tuple[str, ...]:
    """Return what a score or aggregate needs of a mini-batch and a network, in order of `NEEDS`.

    Raises:
        NaswotError: as `family_of`.
    """
    needs: set[str] = set()
    for name in members_of([score]):
        family = family_of(name)
        needs |= {*family.needs, *(("labels",) if name in family.labelled else ())}
    return tuple(need for need in NEEDS if need in needs)


def run(family: Family, network: Any, batch: Any, options: Any) -> dict[str, float]:
    """Return the scores of a user's function.

    Raises:
        NaswotError: the function fails, takes too long, or returns something else.
    """
    from naswot.scores.failures import one_line
    from naswot.scores.passes import prepare

    function: Any = family.function
    declared = declaration_of(function)
    network, images = prepare(network, batch.images)
    try:
        with time_limit(declared.time_limit_s):
            found = function(network, replace(batch, images=images, labels=batch.labels.clone()))
    except _TimeLimitError as error:
        limit = f"{declared.time_limit_s:g} s"
        raise NaswotError(f"it takes more than {limit}, its time limit") from error
    except NaswotError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise NaswotError(f"it fails: {one_line(error)}") from error
    return _numbers(found, declared.outputs, family.scores)


def _numbers(found: Any, outputs: tuple[str, ...], scores: tuple[str, ...]) -> dict[str, float]:
    """Return score → number.

    Raises:
        NaswotError: `found` is not what was declared.
    """
    if not outputs:
        return {scores[0]: _number(found)}
    if not isinstance(found, Mapping) or set(found) != set(outputs):
        raise NaswotError(
            f"it returns {_described(found)} instead of a mapping from {', '.join(outputs)}"
        )
    return {score: _number(found[name]) for score, name in zip(scores, outputs, strict=True)}


def _number(found: Any) -> float:
    if isinstance(found, Mapping):
        raise NaswotError("it returns a mapping; declare(outputs=…) gives its names")
    try:
        return float(found)
    except (RuntimeError, TypeError, ValueError) as error:
        raise NaswotError(f"it returns {_described(found)} instead of a number") from error


def _described(found: Any) -> str:
    return f"a {type(found).__name__}" if found is not None else "nothing"


class _TimeLimitError(BaseException):
    """Raised by the alarm; no `except Exception` of a user's function stops it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the body after `seconds`, where there are signals and this is the main thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise _TimeLimitError

    before = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # the caller's, if there was one
