"""Find the residual blocks of a network that may be left out."""

from dataclasses import dataclass

from torch import nn

from naswot.spaces.derived.analysis import Trace


@dataclass(frozen=True)
class Run:
    """Neighbouring blocks of a sequence, of which the last ones may be left out.

    Attributes:
        name: of the choice: of the sequence, and the places of the blocks if it has several runs.
        sequence: name of the module that holds the blocks.
        blocks: names of the modules, in the order in which they run.
        beside: number of other modules of the sequence that the choice counts as well.
        fewest: number of blocks that stay.
    """

    name: str
    sequence: str
    blocks: tuple[str, ...]
    beside: int
    fewest: int

    @property
    def options(self) -> tuple[int, ...]:
        """How many modules may stay, the original number last."""
        return tuple(range(self.beside + self.fewest, self.beside + len(self.blocks) + 1))


def runs_of(network: nn.Module, trace: Trace) -> list[Run]:
    """Return the runs of `network`, whose passes `trace` has shown."""
    places = {name: place for place, name in enumerate(trace.order)}
    found: list[Run] = []
    # Inner sequences come first: a block that holds a run stays.
    for sequence, module in reversed(list(network.named_modules())):
        if not isinstance(module, nn.Sequential | nn.ModuleList):
            continue
        keys = list(module._modules)
        names = [f"{sequence}.{key}" if sequence else key for key in keys]
        holding = {f"{run.sequence}." for run in found}
        free = [
            _removable(name, trace) and not any(held.startswith(f"{name}.") for held in holding)
            for name in names
        ]
        parts: list[list[int]] = []
        for place, name in enumerate(names):
            if not free[place]:
                continue
            follows = parts and parts[-1][-1] == place - 1
            if follows and places[names[place - 1]] < places[name] and _same(names, place, trace):
                parts[-1].append(place)
            else:
                parts.append([place])
        for part in reversed(parts):
            last = f"-{keys[part[-1]]}" if len(part) > 1 else ""
            where = f"{sequence}.{keys[part[0]]}{last}" if sequence else f"{keys[part[0]]}{last}"
            alone = len(parts) == 1 and bool(sequence)
            found.append(
                Run(
                    f"depth {sequence if alone else where}",
                    sequence,
                    tuple(names[place] for place in part),
                    len(names) - len(part) if alone else 0,
                    int(len(part) == len(names)),  # no sequence is empty
                )
            )
    return found[::-1]


def _removable(name: str, trace: Trace) -> bool:
    """Return whether a module adds to what it gets, and gives back the same sizes."""
    calls = trace.calls.get(name, [])
    if len(calls) != 1 or name not in trace.adding:
        return False
    given, returned = calls[0].given, calls[0].returned
    return given is not None and given == returned


def _same(names: list[str], place: int, trace: Trace) -> bool:
    before, after = (trace.calls[names[n]][0] for n in (place - 1, place))
    return before.returned == after.given
