"""The data sets that networks were trained on, and the accuracies that are reported for them.

`Dataset.reported` alone decides whether the validation or the test accuracy is reported.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from naswot.spaces.nds.genotypes import SPACES_NDS
from naswot.spaces.zoo.published import LIMITS as ZOO_LIMITS

TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet16_120": "ImageNet16-120",
    "imagenet": "ImageNet",
    # The tasks of TransNAS-Bench-101, all on images of Taskonomy.
    "class_scene": "scene classification",
    "class_object": "object classification",
    "room_layout": "room layout",
    "jigsaw": "jigsaw",
    "segmentsemantic": "semantic segmentation",
    "normal": "surface normals",
    "autoencoder": "autoencoding",
    "custom": "custom data",
}
CUSTOM = "custom"  # the data set of a custom space, whatever it is


@dataclass(frozen=True)
class Dataset:
    """A data set of a search space, with the keys of its reported accuracies.

    A key is `dataset/split/epochs`, or `dataset/split` where only the benchmark's file tells the
    number of epochs; `recipe-NAME` stands for epochs that differ from network to network. In
    NAS-Bench-201 and NATS-Bench the two accuracies of CIFAR-10 come from different trainings: the
    validation accuracy from those on half of the training set, the test accuracy from those on all
    of it. In TransNAS-Bench-101 the tasks count as data sets, and some accuracies are other metrics
    (`naswot.benchmarks.metrics`).

    Attributes:
        name: identifier used in the configuration and in file names.
        valid, test: keys of the reported accuracies; None where the benchmark has none.
        plotted: key of the accuracy that the authors' code sets scores against; of CIFAR-10, the
            test accuracy of the networks that were trained on half of the data. None: `valid`.
        transferred: the data set that a search for this one trains on, as in the paper; None:
            this data set itself.
    """

    name: str
    valid: str | None
    test: str
    transferred: str | None = None
    plotted: str | None = None

    @property
    def title(self) -> str:
        """The name of the data set in tables and figures."""
        return TITLES[self.name]

    def reported(
        self, counts: Mapping[str, int], first: str, others: Iterable[str] = ()
    ) -> str | None:
        """Return the key of the accuracy to report for this data set; None if there is none.

        Of the accuracy `first`, the validation and the test accuracy, it is the one that most
        architectures have; of equals, the first of these. Where scores are set against accuracies,
        "plotted" is first, as in the authors' code; in results of searches, "test" is.

        Args:
            counts: accuracy key → how many architectures have it.
            first: "plotted" or "test".
            others: keys to choose from, by the same count, where `counts` has neither.
        """
        wanted = dict.fromkeys((getattr(self, first), self.valid, self.test))
        keys = [key for prefix in wanted if prefix for key in counts if matches(key, prefix)]
        return max(keys or others, key=counts.__getitem__, default=None)  # of equals, the first

    def searched_on(self, datasets: Collection[str]) -> str:
        """Return the name of the data set that a search trains on, among `datasets` of the run."""
        other = self.transferred
        return self.name if other is None or other not in datasets else other

    def keys_among(self, keys: Iterable[str]) -> list[str]:
        """Return those of `keys` that are accuracies on this data set."""
        if self.name == CUSTOM:
            return list(keys)
        names = {key.split("/")[0] for key in (self.valid, self.test) if key}
        return [key for key in keys if key.split("/")[0] in names]


def matches(key: str, wanted: str) -> bool:
    """Return whether `key` is `wanted`, with or without the epochs at its end."""
    return key == wanted or key.startswith(f"{wanted}/")


def epochs_of(key: str) -> int | None:
    """Return the number of epochs at the end of an accuracy key; None if it names a recipe."""
    last = key.rsplit("/", 1)[1]
    return int(last) if last.isdigit() else None


def _of_nats_bench(epochs: int, transferred: str | None = None) -> Mapping[str, Dataset]:
    def keys(valid: str, test: str) -> tuple[str, str]:
        return f"{valid}/{epochs}", f"{test}/{epochs}"

    cifar10 = keys("cifar10-valid/x-valid", "cifar10/ori-test")
    cifar100 = keys("cifar100/x-valid", "cifar100/x-test")
    imagenet16 = keys("ImageNet16-120/x-valid", "ImageNet16-120/x-test")
    return by_name(
        Dataset("cifar10", *cifar10, plotted=f"cifar10-valid/ori-test/{epochs}"),
        Dataset("cifar100", *cifar100, transferred, plotted=cifar100[1]),
        Dataset("imagenet16_120", *imagenet16, transferred, plotted=imagenet16[1]),
    )


def by_name(*datasets: Dataset) -> Mapping[str, Dataset]:
    """Return name → data set, read-only."""
    return MappingProxyType({dataset.name: dataset for dataset in datasets})


# NDS has no validation set.
_NDS = by_name(Dataset("cifar10", None, "cifar10/test/100"))
_NDS_IMAGENET = by_name(Dataset("imagenet", None, "ImageNet/test"))
# Networks that were trained alike; the table also has the accuracies of all others.
_ZOO = by_name(Dataset("imagenet", None, "ImageNet/val/recipe-simple"))


def _of_task(task: str, ending: str, epochs: int) -> Dataset:
    """Return a task of TransNAS-Bench-101; of both splits the benchmark reports the best epoch."""
    keys = (f"{task}/best-{split}{ending}/{epochs}" for split in ("valid", "test"))
    return Dataset(task, *keys)


_TRANSNAS = by_name(
    _of_task("class_scene", "", 25),
    _of_task("class_object", "", 25),
    _of_task("room_layout", "-neg-loss", 25),
    _of_task("jigsaw", "", 10),
    _of_task("segmentsemantic", "-miou", 30),
    _of_task("normal", "-ssim", 30),
    _of_task("autoencoder", "-ssim", 30),
)

# Space → name → data set on which its networks were trained. It is separate from the readers of
# the benchmark files, so that code that only needs an accuracy key does not depend on a reader.
DATASETS: Mapping[str, Mapping[str, Dataset]] = MappingProxyType(
    {
        "nasbench201": _of_nats_bench(200, transferred="cifar10"),
        "natsbench_sss": _of_nats_bench(90),
        "nasbench101": by_name(Dataset("cifar10", "cifar10/valid/108", "cifar10/test/108")),
        # The best epoch of 50, on the test set.
        "nasbenchmacro": by_name(Dataset("cifar10", None, "cifar10/test/50")),
        # A surrogate model predicts the validation accuracy; no network was trained.
        "nasbench301": by_name(Dataset("cifar10", None, "cifar10/surrogate/100")),
        # No test accuracy is published.
        "darts_trained_200": by_name(Dataset("cifar10", "cifar10/valid/200", "cifar10/test/200")),
        "darts_trained_600": by_name(Dataset("cifar10", None, "cifar10/test/600")),
        "transnas_micro": _TRANSNAS,
        "transnas_macro": _TRANSNAS,
        **{name: _NDS_IMAGENET if name.endswith("_in") else _NDS for name in SPACES_NDS},
        **dict.fromkeys(ZOO_LIMITS, _ZOO),
    }
)
