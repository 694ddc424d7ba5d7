"""The catalogue: each search space with its data sets and the files of its benchmark table.

A catalogue is immutable. Custom spaces make a new catalogue, which is passed as an argument to the
code that looks up names.
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
    """A search space with its data sets and benchmark files.

    Attributes:
        space: the search space.
        datasets: name → data set that the networks were trained on.
        sources: files that hold its benchmark table; the first that exists is read.
    """

    space: Space
    datasets: Mapping[str, Dataset]
    sources: tuple[Source, ...]


class Catalogue(Mapping[str, Entry]):
    """Name of a search space → its entry, read-only.

    Looking up an unknown name raises a `NaswotError` that lists the known ones.
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
        """Return a new catalogue with `entries` added."""
        return Catalogue({**self._entries, **entries})

    def title(self, space: str, dataset: str, between: str = ", ") -> str:
        """Return the titles of a space and a data set, joined by `between`."""
        return f"{self[space].space.title}{between}{TITLES[dataset]}"


BUILT_IN = Catalogue(
    {name: Entry(space, DATASETS[name], SOURCES[name]) for name, space in SPACES.items()}
)
