"""The datasets that networks were trained on, and the accuracies that are reported for them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """A dataset with the keys (`dataset/split/epochs`) of its two reported accuracies.

    CIFAR-10's belong to different networks: the validation accuracy to those trained on half
    of the training set, the test accuracy to those trained on all of it.
    """

    name: str
    title: str
    valid: str
    test: str

    def keys_among(self, keys: Iterable[str]) -> list[str]:
        """Return those of `keys` that are accuracies on this dataset."""
        names = {self.valid.split("/")[0], self.test.split("/")[0]}
        return [key for key in keys if key.split("/")[0] in names]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("cifar10", "CIFAR-10", "cifar10-valid/x-valid/200", "cifar10/ori-test/200"),
        Dataset("cifar100", "CIFAR-100", "cifar100/x-valid/200", "cifar100/x-test/200"),
        Dataset(
            "imagenet16_120",
            "ImageNet16-120",
            "ImageNet16-120/x-valid/200",
            "ImageNet16-120/x-test/200",
        ),
    )
}
