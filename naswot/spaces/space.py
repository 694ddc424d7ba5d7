"""Define `Space`: one object with everything that the rest of the project needs of a space."""

import pkgutil  # noqa: TID251, finds functions of ours
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

    from naswot.scores.plan import Plan


@dataclass(frozen=True)
class Later:
    """A function that is imported when it is called, named as ``module:function``.

    Its module is then a code dependency only of the jobs that call it, not of all that use the
    space (`naswot.workflow.code_dependencies`): an edit of a drawing does not score anything again.
    """

    name: str

    def __call__(self, *arguments: Any) -> Any:
        """Import the function and call it."""
        return pkgutil.resolve_name(self.name)(*arguments)


@dataclass(frozen=True)
class Space:
    """One search space.

    Attributes:
        name: identifier used in the configuration and in file names.
        title: its name in tables and figures.
        size: number of architectures; None where only the benchmark table knows.
        unique: number of architectures up to isomorphism; None where isomorphs are not looked for.
        architectures: returns all architecture strings in the benchmark's official order; None
            where only the benchmark table lists them.
        canonical: maps an architecture to a string that its isomorphs share; raises
            NaswotError for a malformed architecture.
        build: makes the network of an architecture, given the number of classes.
        plan: makes the `naswot.scores.plan.Plan` of an architecture, given the number of classes: a
            faster form of the network. None where there is none.
        benchmark_params: counts the trainable parameters of an architecture's network as
            the benchmark trained it on CIFAR-10.
        diagram: returns the `naswot.spaces.graph.Diagram` of an architecture, given the title of
            the space.
        genes: returns the encoding of an architecture: independent choices as whole numbers;
            raises NaswotError for a malformed architecture. None where there is no such encoding.
        encode: returns numbers that describe an architecture, by name, from which its accuracy can
            be predicted; the same names for all architectures. Raises NaswotError for a malformed
            architecture. None where there is none.
        neighbours: takes a list of architectures and returns positions (P,) and (P,), ascending:
            all pairs where one mutation turns the first into the second. None: neighbours are
            architectures that differ in one gene.
        relative_cost: time to score a network, NAS-Bench-201 = 1.
        form: how an architecture is written, for messages; None where that cannot be told.
        recognises: returns whether a text has the form of this space's architectures, valid or
            not; None where the form does not tell the space.
        file: the user's file that builds its networks, if there is one.
        varied: whether its networks are so different that a score need not apply to all. One to
            which it does not apply, or that fails, has no score, and a note says why; elsewhere
            that is an error.
    """

    name: str
    title: str
    size: int | None
    unique: int | None
    architectures: Callable[[], Sequence[str]] | None
    canonical: Callable[[str], str]
    build: Callable[[str, int], "torch.nn.Module"]
    benchmark_params: Callable[[str], int]
    diagram: Callable[[str, str], Any]
    plan: "Callable[[str, int], Plan] | None" = None
    genes: Callable[[str], tuple[int, ...]] | None = None
    encode: Callable[[str], Mapping[str, float]] | None = None
    neighbours: Callable[[Sequence[str]], tuple["np.ndarray", "np.ndarray"]] | None = None
    relative_cost: float = 6.0  # that of NDS networks
    form: str | None = None
    recognises: Callable[[str], bool] | None = None
    file: str | None = None
    varied: bool = False
