"""NAS-Bench-201 as one PyTorch file: a small one, written with the official samples."""

import bz2
import os
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from naswot.benchmarks import nasbench201_pth, nats_bench
from naswot.benchmarks.convert import describe
from naswot.benchmarks.table import check
from naswot.errors import NaswotError
from naswot.spaces import SPACES

SPACE = SPACES["nasbench201"]
SAMPLES = [0, 11, 284]


@pytest.fixture(scope="module")
def folder(mirror):
    nats = mirror / "official_format" / "nats_bench" / "fake_torch_dir"
    return nats / "NATS-tss-v1_0-3ffb9-simple"


@pytest.fixture(scope="module")
def pickled(folder) -> bytes:
    """Return what the benchmark's file would hold if it had the three sample architectures."""
    infos = {}
    for index in SAMPLES:
        content = bz2.decompress((folder / f"{index:06d}.pickle.pbz2").read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core
            entry = pickle.loads(content)
        infos[index] = {"less": entry["12"], "full": entry["200"]}
    return pickle.dumps(
        {
            "meta_archs": list(SPACE.architectures()),
            "arch2infos": infos,
            "evaluated_indexes": set(SAMPLES),
        }
    )


@pytest.fixture
def content(pickled) -> dict:
    """Return it as an object that a test may spoil."""
    return pickle.loads(pickled)


@pytest.fixture(params=[False, True], ids=["older", "zip"])
def save(request, tmp_path):
    def write(content):
        path = tmp_path / "NAS-Bench-201.pth"
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return write


def test_it_is_read_as_nats_bench_is(save, content, folder):
    table = check(nasbench201_pth.read(save(content)), SPACE, "pth")
    assert table.drop(columns=["index", "arch"]).drop(SAMPLES).isna().all(axis=None)
    expected = nats_bench.read(folder, "tss")
    pd.testing.assert_frame_equal(table.loc[SAMPLES], expected.loc[SAMPLES])
    assert "cifar10-valid/x-valid/200 87.94" in describe(table)


def test_it_is_read_as_pytorch_reads_it(save, content):
    path = save(content)
    scalar = np.float64(1).__reduce__()[0]
    with torch.serialization.safe_globals([scalar, np.dtype, type(np.dtype("f8")), set]):
        theirs = torch.load(path, weights_only=True)
    ours = nasbench201_pth._content(path)
    assert ours["arch2infos"] == theirs["arch2infos"]
    assert ours["meta_archs"] == theirs["meta_archs"]
    assert set(ours["evaluated_indexes"]) == theirs["evaluated_indexes"]


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["arch2infos"].update({0: Malicious()}), r"posix\.system"),
        (lambda c: c.update(meta_archs=torch.zeros(3)), r"torch\._utils"),
        (lambda c: c["meta_archs"].pop(), "lists 15,624 architectures, not 15,625"),
        (lambda c: c["arch2infos"].update({99999: c["arch2infos"][0]}), "not NAS-Bench-201"),
        (lambda c: c["arch2infos"].update({1: c["arch2infos"][0]}), "at index 1, not"),
        (lambda c: c.pop("arch2infos"), "KeyError: 'arch2infos'"),
        (lambda c: c["arch2infos"][0].pop("full"), "KeyError: 'full'"),
        (lambda c: c["arch2infos"][0]["full"].pop("all_results"), "architecture 0"),
    ],
)
def test_a_file_of_other_content_is_refused(save, content, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    change(content)
    with pytest.raises(NaswotError, match=message) as caught:
        nasbench201_pth.read(save(content))
    assert "NAS-Bench-201.pth" in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_damaged_file_is_named(save, content, tmp_path):
    path = save(content)
    whole = path.read_bytes()
    for size in (0, 10, 1000, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(NaswotError, match=r"NAS-Bench-201\.pth cannot be read"):
            nasbench201_pth.read(path)
    path.write_bytes(pickle.dumps(5))
    with pytest.raises(NaswotError, match=r"NAS-Bench-201\.pth is not a PyTorch file"):
        nasbench201_pth.read(path)
    with pytest.raises(NaswotError, match=r"none\.pth does not exist"):
        nasbench201_pth.read(tmp_path / "none.pth")
