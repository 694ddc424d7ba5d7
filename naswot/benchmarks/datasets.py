"""The datasets that networks were trained on, and the accuracies that are reported for them.

Which of two accuracies stands for a dataset is decided here alone, by `Dataset.reported`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from naswot.spaces.nds.genotypes import SPACES_NDS

TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet16_120": "ImageNet16-120",
    "imagenet": "ImageNet",
    "custom": "custom data",
}
CUSTOM = "custom"  # whatever the networks of a custom space were trained on


@dataclass(frozen=True)
class Dataset:
    """A dataset of a search space, with the keys of its reported accuracies.

    A key is `dataset/split/epochs`; without epochs where only the benchmark's file knows how
    many there were. CIFAR-10's two accuracies belong to different networks in
    NAS-Bench-201 and NATS-Bench: the validation accuracy to those trained on half of the
    training set, the test accuracy to those trained on all of it.

    Attributes:
        name: identifier used in the configuration and in file names.
        valid, test: keys of the reported accuracies; None where the benchmark has none.
        transferred: the data set that searches for this one train on, as in the paper; None: this.
    """

    name: str
    valid: str | None
    test: str
    transferred: str | None = None

    @property
    def title(self) -> str:
        """The dataset's name as people write it."""
        return TITLES[self.name]

    def reported(
        self, counts: Mapping[str, int], first: str, others: Iterable[str] = ()
    ) -> str | None:
        """Return the key of the accuracy that stands for this dataset; None if there is none.

        It is that of the two which more architectures have; of equals, `first`. What shows scores
        against accuracies asks for "valid" first, as the paper says of its plots; what shows what
        searches found, for "test".

        Args:
            counts: accuracy key → how many architectures have it.
            first: "valid" or "test".
            others: keys of which the most frequent is taken where `counts` has neither.
        """
        second = {"valid": "test", "test": "valid"}[first]
        wanted = getattr(self, first), getattr(self, second)
        keys = [key for one in wanted if one for key in counts if matches(key, one)]
        return max(keys or others, key=counts.__getitem__, default=None)  # of equals, the first

    def searched_on(self, datasets: Collection[str]) -> str:
        """Return the data set that a search trains on, given the names of those of the run."""
        other = self.transferred
        return self.name if other is None or other not in datasets else other

    def keys_among(self, keys: Iterable[str]) -> list[str]:
        """Return those of `keys` that are accuracies on this dataset."""
        if self.name == CUSTOM:
            return list(keys)
        names = {key.split("/")[0] for key in (self.valid, self.test) if key}
        return [key for key in keys if key.split("/")[0] in names]


def matches(key: str, wanted: str) -> bool:
    """Return whether `key` is `wanted`, which may leave the epochs open."""
    return key == wanted or key.startswith(f"{wanted}/")


def _of_nats_bench(epochs: int, transferred: str | None = None) -> Mapping[str, Dataset]:
    return by_name(
        Dataset("cifar10", f"cifar10-valid/x-valid/{epochs}", f"cifar10/ori-test/{epochs}"),
        Dataset("cifar100", f"cifar100/x-valid/{epochs}", f"cifar100/x-test/{epochs}", transferred),
        Dataset(
            "imagenet16_120",
            f"ImageNet16-120/x-valid/{epochs}",
            f"ImageNet16-120/x-test/{epochs}",
            transferred,
        ),
    )


def by_name(*datasets: Dataset) -> Mapping[str, Dataset]:
    """Return name → data set, read-only."""
    return MappingProxyType({dataset.name: dataset for dataset in datasets})


# NDS has no validation set.
_NDS = by_name(Dataset("cifar10", None, "cifar10/test/100"))
_NDS_IMAGENET = by_name(Dataset("imagenet", None, "ImageNet/test"))

# Space → name → data set on which its networks were trained. It stands apart from the readers of
# the benchmarks' files, so that what only asks for an accuracy does not depend on how it was read.
DATASETS: Mapping[str, Mapping[str, Dataset]] = MappingProxyType(
    {
        "nasbench201": _of_nats_bench(200, transferred="cifar10"),
        "natsbench_sss": _of_nats_bench(90),
        "nasbench101": by_name(Dataset("cifar10", "cifar10/valid/108", "cifar10/test/108")),
        # A surrogate's prediction of the validation accuracy; nothing was trained.
        "nasbench301": by_name(Dataset("cifar10", None, "cifar10/surrogate/100")),
        **{name: _NDS_IMAGENET if name.endswith("_in") else _NDS for name in SPACES_NDS},
    }
)
