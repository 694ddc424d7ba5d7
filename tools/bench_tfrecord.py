"""Time reading NASBench-101's TFRecord format: `python tools/bench_tfrecord.py [RECORDS]`.

The script generates a file with records of the official size and form; the benchmark's full file
has 5,083,488 of them.
"""

import base64
import hashlib
import json
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from naswot.benchmarks import nasbench101
from naswot.benchmarks.tfrecord import masked_crc32c


def framed(data: bytes) -> bytes:
    """Return `data` as a TFRecord."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (
            length,
            struct.pack("<I", masked_crc32c(length)),
            data,
            struct.pack("<I", masked_crc32c(data)),
        )
    )


def metrics(params: int, evaluations) -> bytes:
    """Return a ModelMetrics message; an evaluation is (epoch, seconds, train, valid, test)."""
    parts = []
    for values in evaluations:
        fields = b"".join(
            struct.pack("<Bd", number << 3 | 1, value) for number, value in enumerate(values, 1)
        )
        checkpoint = b"model.ckpt-0"
        fields += bytes((6 << 3 | 2, len(checkpoint))) + checkpoint
        parts.append(bytes((1 << 3 | 2, len(fields))) + fields)
    parts.append(bytes((2 << 3 | 0,)))
    while params >= 0x80:
        parts.append(bytes((params & 0x7F | 0x80,)))
        params >>= 7
    parts.append(bytes((params,)))
    return b"".join(parts) + struct.pack("<Bd", 3 << 3 | 1, 1234.5)


def record(module_hash, epochs, bits, operations, message) -> bytes:
    """Return the framed JSON record of one training."""
    text = base64.b64encode(message).decode()
    return framed(json.dumps([module_hash, epochs, bits, operations, text]).encode())


def cells(count: int, seed: int = 0):
    """Yield `count` made-up cells: hash, adjacency bits, joined operations."""
    generator = np.random.default_rng(seed)
    for cell in range(count):
        matrix = np.triu(generator.integers(0, 2, (7, 7)), 1)
        inner = generator.choice(nasbench101.OPERATIONS, 5)
        yield (
            hashlib.md5(str(cell).encode()).hexdigest(),
            "".join(map(str, matrix.ravel())),
            ",".join(("input", *inner, "output")),
        )


def write(path: Path, records: int) -> None:
    """Write `records` made-up trainings, 12 of each cell, to `path`."""
    generator = np.random.default_rng(1)
    with path.open("wb") as stream:
        for module_hash, bits, operations in cells(records // 12):
            for epochs in nasbench101.EPOCHS:
                for _ in range(nasbench101.REPEATS):
                    values = generator.random((3, 5))
                    stream.write(
                        record(module_hash, epochs, bits, operations, metrics(5_356_682, values))
                    )


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made_up.tfrecord"
        write(path, records)
        started = time.process_time()
        table = nasbench101.read(path)
        seconds = time.process_time() - started
        count = len(table) * 12
        print(
            f"{count:,} records, {path.stat().st_size / 2**20:.0f} MiB, {seconds:.1f} CPU seconds: "
            f"{count / seconds:,.0f} records per second"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
