"""Targets: readers of images and of what trainings leave."""

import gzip
import io
from pathlib import Path

import miniatures
import numpy as np

from fuzz.harness import Target
from naswot.images import archives, cifar, decoding, fashion_mnist, imagenet16, imagenette
from naswot.tables.batch import read_mini_batch

PYTHON, BINARY = cifar.EDITIONS["cifar100"]
NAMES = ("cifar-100-python/meta", "cifar-100-python/train")


def _read_batch(path: Path) -> None:
    PYTHON.parse(path.read_bytes(), str(path))


def _read_records(path: Path) -> None:
    BINARY.parse(path.read_bytes(), str(path))


def _draw(path: Path) -> None:
    imagenette._draw_packed(2, 8, np.random.default_rng(0), path)


def _cifar_tars() -> list[bytes]:
    files = dict(zip(NAMES, (b"text", miniatures.batch(key="fine_labels")), strict=True))
    return [miniatures.tar(files, mode) for mode in ("w:", "w:gz")]


def _imagenette() -> list[bytes]:
    names = [f"imagenette2/train/{name}" for name in ("a/1.PNG", "b/2.jpg", "b/3.jpg")]
    files = {name: miniatures.image("PNG" if "PNG" in name else "JPEG") for name in names}
    return [miniatures.tar(files, "w:gz")]


def _idx() -> list[bytes]:
    plain = miniatures.idx(np.arange(12).reshape(3, 2, 2))
    return [plain, gzip.compress(plain)]


def _images() -> list[bytes]:
    png = [miniatures.image("PNG", mode) for mode in ("RGB", "RGBA", "P", "L", "1", "I;16")]
    jpeg = [miniatures.image("JPEG", mode) for mode in ("RGB", "L", "CMYK")]
    tiff = [miniatures.image("TIFF", mode) for mode in ("RGB", "P", "L", "I;16", "F")]
    return [*png, *jpeg, *tiff, miniatures.image("WEBP"), miniatures.image("BMP")]


def _cifar_npz() -> bytes:
    return miniatures.npz(x_train=np.zeros((2, 32, 32, 3), np.uint8), y_train=np.array([1, 2]))


def _mini_batch() -> bytes:
    return miniatures.npz(
        metadata=np.array('{"classes":10,"true_labels":true}'),
        images=np.zeros((2, 3, 8, 8), np.float32),
        labels=np.array([1, 2]),
    )


def _read_checkpoint(path: Path) -> None:
    import torch

    from naswot.training.checkpoint import Checkpoint

    def make():
        network = torch.nn.Linear(2, 2)
        optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        return {"network": network, "optimiser": optimiser}

    Checkpoint(path, {"epochs": 1}).load(make, torch.device("cpu"), dict)


def _checkpoint() -> list[bytes]:
    import torch

    stream = io.BytesIO()
    network = torch.nn.Linear(2, 2)
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    kept = {
        "settings": '{"epochs": 1}',
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": {"epoch": 3},
    }
    torch.save(kept, stream)
    return [stream.getvalue()]


TARGETS = (
    Target(
        "cifar_pickle",
        lambda: [miniatures.batch(key="fine_labels", protocol=p) for p in (2, 4)],
        _read_batch,
        "train",
    ),
    Target("cifar_binary", lambda: [miniatures.records(2)], _read_records, "train.bin"),
    Target("cifar_tar", _cifar_tars, lambda path: cifar.read(path, "cifar100"), "cifar.tar.gz"),
    Target("imagenet16", lambda: [miniatures.batch(16)], imagenet16._read_batch, "val_data"),
    Target("imagenette", _imagenette, _draw, "imagenette2-160.tgz"),
    Target("idx", _idx, lambda path: fashion_mnist._read_idx(path, 3), "train-images-idx3-ubyte"),
    Target("image", _images, lambda path: decoding.read(path, 8), "some.png"),
    Target("npz", lambda: [_cifar_npz()], archives.ARCHIVES["cifar10"].read, "cifar10.npz"),
    Target("mini_batch", lambda: [_mini_batch()], read_mini_batch, "0.npz"),
    Target("checkpoint", _checkpoint, _read_checkpoint, "0.pt", miniatures.with_digest),
)
