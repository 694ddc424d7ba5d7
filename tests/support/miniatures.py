"""Make small valid files of every input format, which tests then damage."""

import bz2
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Mapping

import bench_tfrecord
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from naswot.benchmarks import nasbench101
from naswot.benchmarks.hardware import COLUMNS, MEASURED_ON, REFUSED
from naswot.spaces.nasbench201 import architectures

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"
CELL_101 = '{"matrix":[[0,1,0],[0,0,1],[0,0,0]],"ops":["input","maxpool3x3","output"]}'
STAGES = {
    "block_type": "res_bottleneck_block",
    "ds": [1, 2],
    "ws": [16, 32],
    "ss": [1, 2],
    "bot_muls": [0.0, 0.5],
    "num_gs": [1, 4],
}
ANYNET = (
    '{"stem_type":"res_stem_cifar","stem_w":16,"se_r":null,"ss":[1,2],"block_type":'
    '"res_bottleneck_block","ds":[1,2],"ws":[16,32],"bms":[0.5,0.25],"gws":[8,4]}'
)


def genotype() -> dict:
    """Return a genotype of DARTS with two nodes in each of its cells."""
    edges = [["sep_conv_3x3", 0], ["skip_connect", 1], ["max_pool_3x3", 2], ["none", 0]]
    cell = {"normal": edges, "normal_concat": [2, 3]}
    return cell | {"reduce": edges, "reduce_concat": [3]}


def cells_net() -> dict:
    """Return the entry `net` of a record of NDS's networks of cells."""
    fixed = {"width": 16, "depth": 8, "aux": False, "drop_prob": 0.1}
    return fixed | {"genotype": genotype()}


def nds(net: dict) -> bytes:
    """Return an NDS file of two networks of three epochs."""
    network = {
        "net": net,
        "test_ep_top1": [50.0, 30.5, 20.25],
        "min_test_top1": 20.25,
        "params": 123456,
        "flops": 1e9,
        "iter_time": 0.1,
        "rng_seed": 1,
        "optim": {"base_lr": 0.1, "wd": 5e-4},
    }
    return json.dumps({"top": [network], "mid": [network]}).encode()


def nasbench101_record(epochs: int = 108) -> bytes:
    """Return the JSON of one training of NAS-Bench-101."""
    message = bench_tfrecord.metrics(8, np.full((3, 5), 0.5))
    framed = bench_tfrecord.record(
        "0" * 32, epochs, "010001000", "input,maxpool3x3,output", message
    )
    return framed[12:-4]


def nasbench101_file(record: bytes) -> bytes:
    """Return a TFRecord file with three trainings of 108 epochs, of which the last is `record`."""
    sound = bench_tfrecord.framed(nasbench101_record())
    return sound + sound + bench_tfrecord.framed(record)


def training(dataset: str, epochs: int) -> dict:
    """Return a training record of NAS-Bench-201 and NATS-Bench."""
    splits = ["x-valid", "ori-test"] if dataset == "cifar10-valid" else ["ori-test"]
    keys = [f"{split}@{epoch}" for split in splits for epoch in range(epochs)]
    return {
        "epochs": epochs,
        "eval_names": splits,
        "eval_acc1es": {key: 10.0 + len(key) for key in keys},
        "eval_times": {key: np.float64(0.5) for key in keys},
        "train_times": dict.fromkeys(range(epochs), 7.5),
        "params": 0.07,
        "flop": 7.8,
    }


def entry(arch: str = "8:8:8:8:8", lengths: tuple[str, ...] = ("01", "12")) -> dict:
    """Return what NATS-Bench's file of an architecture holds."""
    return {
        length: {
            "arch_str": arch,
            "all_results": {
                (dataset, 777): training(dataset, int(length))
                for dataset in ("cifar10-valid", "cifar10")
            },
        }
        for length in lengths
    }


def nats_tar(files: Mapping[str, object], folder: str = "NATS") -> bytes:
    """Return a tar archive of bzip2-compressed pickles, as NATS-Bench is published."""
    return tar({f"{folder}/{name}": bz2.compress(pickle.dumps(v)) for name, v in files.items()})


def tar(files: Mapping[str, bytes], mode: str = "w:") -> bytes:
    """Return a tar archive, compressed as `mode` says."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def pth(zip_file: bool, archs: tuple[str, ...] = (CELL,)) -> bytes:
    """Return a PyTorch file as NAS-Bench-201's, of a few architectures."""
    import torch

    infos = {0: {"less": entry(archs[0], ("12",))["12"], "full": entry(archs[0], ("12",))["12"]}}
    stream = io.BytesIO()
    content = {"meta_archs": list(archs), "arch2infos": infos, "evaluated_indexes": {0}}
    torch.save(content, stream, _use_new_zipfile_serialization=zip_file)
    return stream.getvalue()


# Task of TransNAS-Bench-101 → the metrics of a split, and the epochs.
TRANSNAS = {
    "class_scene": (("top1", "top5", "loss"), 25),
    "class_object": (("top1", "top5", "loss"), 25),
    "room_layout": (("loss", "neg_loss"), 25),
    "jigsaw": (("top1", "top5", "loss"), 10),
    "segmentsemantic": (("loss", "acc", "mIoU"), 30),
    "normal": (("l1_loss", "ssim"), 30),
    "autoencoder": (("l1_loss", "ssim"), 30),
}


def transnas(archs: Mapping[str, tuple[str, ...]], seed: int = 0) -> dict:
    """Return the content of the official file of TransNAS-Bench-101, of a few architectures.

    `archs` are those of each search space. Values are made up, within the range of each metric.
    """
    generator = np.random.default_rng(seed)
    names = {
        task: [f"{split}_{metric}" for split in ("train", "valid", "test") for metric in metrics]
        + ["time_elapsed"]
        for task, (metrics, _) in TRANSNAS.items()
    }
    infos = ["inference_time", "encoder_params", "model_params", "model_FLOPs", "encoder_FLOPs"]

    def values(name: str, epochs: int) -> list[float]:
        drawn = generator.random(epochs)
        if name == "time_elapsed":
            return [float(200 * epoch) for epoch in range(1, epochs + 1)]
        scale = {"top1": 100, "top5": 100, "acc": 100, "mIoU": 100, "neg_loss": -1}
        return [float(v) for v in drawn * scale.get(name.split("_", 1)[1], 1)]

    def result(task: str) -> dict:
        epochs = TRANSNAS[task][1]
        return {
            "total_epochs": epochs,
            "model_info": dict.fromkeys(infos, 1.5),
            "metrics": {name: values(name, epochs) for name in names[task]},
        }

    data = {
        space: {arch: {task: result(task) for task in TRANSNAS} for arch in listed}
        for space, listed in archs.items()
    }
    about = {"metrics_dict": names, "info_names": infos, "task_list": list(TRANSNAS)}
    return about | {"data": data}


def transnas_pth(zip_file: bool = True) -> bytes:
    """Return a PyTorch file as TransNAS-Bench-101's, of one architecture in each space."""
    import torch

    content = transnas({"macro": ("64-4111-basic",), "micro": ("64-41414-1_02_333",)})
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zip_file)
    return stream.getvalue()


def batch(side: int = 32, count: int = 2, key: str = "labels", protocol: int = 2) -> bytes:
    """Return a pickled batch of images."""
    pixels = np.arange(count * 3 * side * side, dtype=np.uint64).astype(np.uint8)
    data = pixels.reshape(count, -1)
    return pickle.dumps({"data": data, key: [1] * count, "batch_label": "1 of 5"}, protocol)


def records(label_bytes: int = 1, count: int = 2) -> bytes:
    """Return images of CIFAR's binary edition."""
    return (bytes(label_bytes) + bytes(range(256)) * 12) * count


def idx(values: np.ndarray) -> bytes:
    """Return bytes in the format of MNIST and Fashion-MNIST."""
    shape = b"".join(struct.pack(">I", side) for side in values.shape)
    return bytes((0, 0, 8, values.ndim)) + shape + values.astype(np.uint8).tobytes()


def image(form: str = "PNG", mode: str = "RGB", side: int = 12) -> bytes:
    """Return a picture."""
    from PIL import Image

    stream = io.BytesIO()
    pixels = np.arange(side * side * 3, dtype=np.uint16).astype(np.uint8).reshape(side, side, 3)
    Image.fromarray(pixels).convert(mode).save(stream, form)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """Return an .npz archive."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def parquet(columns: Mapping[str, object], metadata: bytes = b"{}") -> bytes:
    """Return a Parquet file."""
    table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    table = table.replace_schema_metadata({**table.schema.metadata, b"naswot": metadata})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def mirror_101() -> bytes:
    """Return a compact mirror of NAS-Bench-101 with one cell."""
    return parquet(
        {
            "module_hash": ["ab"],
            "num_vertices": [3],
            "adjacency": [0b1000001],
            "ops": [str(nasbench101.OPERATIONS.index("maxpool3x3"))],
            "params": [8],
            "cifar10/test/108": [90.0],
        }
    )


def with_digest(content: bytes) -> bytes:
    """Return a checkpoint's content behind its SHA-256."""
    import hashlib

    return hashlib.sha256(content).digest() + content


def npy_header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    """Return an .npy file that ends behind its header."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def hardware() -> pd.DataFrame:
    """Return made-up costs of all cells of NAS-Bench-201, in the form of a mirror's file.

    The Edge TPU refuses every third cell.
    """
    index = np.arange(15_625, dtype=np.int32)
    columns = {
        name: 1.0 + (index * (number + 7) % 101) / (number + 3)
        for number, name in enumerate(COLUMNS)
    }
    for name in columns:
        if "edgetpu" in name:
            columns[name][::3] = REFUSED
    return pd.DataFrame({"index": index, **columns})


def hw_nas_bench(as_lists: bool = False) -> dict:
    """Return the content of HW-NAS-Bench's own file with the costs of `hardware`.

    It has the dictionaries that the benchmark's `hw_nas_bench_api` looks up, for both its spaces.
    """
    costs = hardware()
    parts: dict[str, dict] = {}
    for dataset, classes in zip(MEASURED_ON, (10, 100, 120), strict=True):
        fixed = {"name": "infer.tiny", "C": 16, "N": 5, "num_classes": classes}
        parts[dataset] = {"config": [fixed | {"arch_str": arch} for arch in architectures()]}
        parts[dataset]["eyeriss_arithmetic_intensity"] = np.ones(len(costs))
        for name in COLUMNS:
            if name.startswith(f"{dataset}/"):
                column = costs[name].to_numpy()
                values = list(column) if as_lists else column
                parts[dataset][name.partition("/")[2]] = values
    lookup = {"FC_Cin1504_Cout100": np.float64(0.5), "AvgP_H4_W4_Cin1504_Cout1504": 0.25}
    return {"nasbench201": parts, "fbnet": {"edgegpu_latency": lookup}}
