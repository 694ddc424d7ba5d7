"""The catalogue: each search space with the data sets of its networks and the files of its table.

A catalogue never changes. With custom spaces there is another one, which is handed on to whatever
looks names up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from naswot.benchmarks.datasets import DATASETS, TITLES, Dataset
from naswot.benchmarks.sources import SOURCES, Source
from naswot.errors import NaswotError
from naswot.spaces import SPACES, Space


@dataclass(frozen=True)
class Entry:
    """What is known of a search space.

    Attributes:
        space: its networks.
        datasets: name → data set that the networks were trained on.
        sources: files that its benchmark table is read from; the first that there is counts.
    """

    space: Space
    datasets: Mapping[str, Dataset]
    sources: tuple[Source, ...]


class Catalogue(Mapping[str, Entry]):
    """Name of a search space → its entry, read-only.

    Looking up a name that is not there raises a `NaswotError` that lists those that are.
    """

    def __init__(self, entries: Mapping[str, Entry]):
        self._entries = MappingProxyType(dict(entries))

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            raise NaswotError(f"There is no search space {name!r}; there are: {', '.join(self)}.")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def with_custom(self, entries: Mapping[str, Entry]) -> "Catalogue":
        """Return a catalogue that has these entries too."""
        return Catalogue({**self._entries, **entries})

    def title(self, space: str, dataset: str, between: str = ", ") -> str:
        """Return the names of a space and a data set as people write them."""
        return f"{self[space].space.title}{between}{TITLES[dataset]}"


BUILT_IN = Catalogue(
    {name: Entry(space, DATASETS[name], SOURCES[name]) for name, space in SPACES.items()}
)
