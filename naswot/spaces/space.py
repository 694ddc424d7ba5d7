"""What a search space is: one value that says all that the rest of the project asks of it."""

import pkgutil  # noqa: TID251, finds functions of ours
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True)
class Later:
    """A function that is imported when it is called, named as ``module:function``.

    It is then not code of all that use the space, but only of what calls it
    (`naswot.workflow.code_dependencies`): an edit of a drawing scores nothing again.
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
        title: the name as people write it.
        size: number of architectures; None where only the benchmark table knows.
        unique: number left when isomorphic ones are counted once; None where isomorphs are
            not looked for.
        architectures: returns all architecture strings in the benchmark's official order; None
            where only the benchmark table lists them.
        canonical: maps an architecture to a string that its isomorphs share; raises
            NaswotError for a malformed architecture.
        build: makes the network of an architecture for a number of classes.
        benchmark_params: counts the trainable parameters of an architecture's network as
            the benchmark trained it on CIFAR-10.
        diagram: draws an architecture, given the title of the space, as a
            `naswot.spaces.graph.Diagram`.
        genes: splits an architecture into independent choices, as whole numbers of which each
            stands for one; raises NaswotError for a malformed architecture. None where an
            architecture is no such list.
        neighbours: returns the pairs of positions (P,) and (P,) in a list of architectures of
            which one mutation makes the second of the first, ascending. None: architectures that
            differ in one gene.
        relative_cost: time to score a network, NAS-Bench-201 = 1.
        recognises: whether a text looks like an architecture of this space, right or wrong; None
            where that cannot be told.
        file: the user's file that builds its networks, if there is one.
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
    genes: Callable[[str], tuple[int, ...]] | None = None
    neighbours: Callable[[Sequence[str]], tuple["np.ndarray", "np.ndarray"]] | None = None
    relative_cost: float = 6.0  # as networks of NDS
    recognises: Callable[[str], bool] | None = None
    file: str | None = None
