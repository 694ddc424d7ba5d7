"""What goes into an export, and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from naswot.export.checking import Difference
from naswot.export.origin import Origin

if TYPE_CHECKING:
    from naswot.spaces.graph import Diagram

ANY_IMAGES = (
    "The weights are untrained, so no normalisation belongs to them; naswot normalises each "
    "channel to mean 0 and standard deviation 1."
)
TRAINED_IMAGES = "Normalise them as in training."


@dataclass(frozen=True)
class About:
    """What a network is, for the files that describe it and build it again.

    Attributes:
        title: the search space's name in texts.
        arch: the architecture.
        origin: how the network is built again.
        classes: number of its outputs.
        seed: its weights are those that it gets after `torch.manual_seed(seed)`; None if they are
            others, such as trained ones.
        diagram: returns its picture; None if there is none.
        command: the command that makes the export.
        images: how images are normalised, as a sentence; empty: nothing is known of that.
    """

    title: str
    arch: str
    origin: Origin
    classes: int = 10
    seed: int | None = 0
    diagram: "Callable[[], Diagram] | None" = None
    command: str = ""
    images: str = ""

    @property
    def normalisation(self) -> str:
        """How images are normalised, as a sentence."""
        return self.images or (TRAINED_IMAGES if self.seed is None else ANY_IMAGES)

    @property
    def weights(self) -> str:
        """Where the weights come from, in words."""
        if self.seed is None:
            return "those of the network that was exported"
        return f"untrained, drawn with seed {self.seed} (`torch.manual_seed`)"


@dataclass(frozen=True)
class Written:
    """One file of an export.

    Attributes:
        name: its name in the folder.
        title: what it is.
        bytes: its size; 0 if it could not be written.
        seconds: wall time to make and check it.
        difference: of its outputs from the network's; None if it computes nothing.
        note: why it could not be written, or what else there is to say; usually empty.
    """

    name: str
    title: str
    bytes: int = 0
    seconds: float = 0.0
    difference: Difference | None = None
    note: str = ""


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        folder: the folder.
        files: all files that were asked for, also those that could not be written.
        params: number of trainable parameters.
        flops: floating-point operations for one image; None if they cannot be counted.
    """

    folder: Path
    files: tuple[Written, ...]
    params: float
    flops: float | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong, one line each."""
        return tuple(f"{one.name}: {one.note}" for one in self.files if one.note)
