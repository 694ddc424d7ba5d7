"""What the watcher of runs and the guard of all tests see: a blind one would prove nothing."""

import io
import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest
import torch

from naswot.images.pickles import read_batch
from naswot.io import pickles
from naswot.io.npz import read_arrays, write_arrays
from naswot.training.checkpoint import Checkpoint

LIBRARY = """
import os, pickle, socket, subprocess
pickle.loads(b"ccollections\\nOrderedDict\\n.")
subprocess.run("true", shell=True)
os.system("true")
socket.socket().connect_ex(("127.0.0.1", 1))
exec("1")
eval("1")
os.chmod(__file__, 0o600)
"""


def test_a_watched_process_tells_what_it_does_and_who_asked(root, tmp_path):
    file = tmp_path / "naswot" / "new.py"
    file.parent.mkdir()
    file.write_text(LIBRARY)
    watching = {"PYTHONPATH": str(root / "tests/support/watching"), "NASWOT_WATCH": str(tmp_path)}
    subprocess.run([sys.executable, file], env={**os.environ, **watching}, check=True)
    (log,) = tmp_path.glob("*.jsonl")
    done = [json.loads(line) for line in log.read_text().splitlines()]
    assert {one["who"] for one in done} == {"naswot"}
    told = {one["event"]: one["details"] for one in done}
    assert told["pickle.find_class"] == ["collections", "OrderedDict"]
    assert told["subprocess.Popen"][1] == "/bin/sh -c true"
    assert told["os.system"] == ["b'true'"]
    assert told["socket.connect"][1] == "127.0.0.1 1"
    assert told["os.chmod"][0] == str(file)
    assert told.keys() >= {"exec", "compile"}


def test_a_test_fails_in_which_the_library_unpickles_at_will(root):
    content = pickle.dumps(OrderedDict())
    assert pickle.loads(content) == {}  # a test may
    code = "import pickle\ndef read(content):\n    return pickle.loads(content)"
    library: dict = {}
    exec(compile(code, str(root / "naswot/benchmarks/new.py"), "exec"), library)
    with pytest.raises(pytest.fail.Exception, match=r"import collections\.OrderedDict"):
        library["read"](content)


def test_no_reader_leaves_it_to_a_file_what_is_imported(tmp_path):
    """With the guard on. It holds for the tests of all official formats too."""
    numbers = {"a": np.float64(1), "b": OrderedDict(c=np.arange(3))}
    everything = pickles.NUMPY_SCALARS | pickles.NUMPY_ARRAYS | pickles.ORDERED_DICT
    assert pickles.load(io.BytesIO(pickle.dumps(numbers)), everything, "x")["a"] == 1
    batch = {"data": np.zeros((1, 12), np.uint8), "labels": [3]}
    assert read_batch(io.BytesIO(pickle.dumps(batch)), "x")["labels"] == [3]
    write_arrays(tmp_path / "x.npz", {}, a=np.arange(3))
    assert list(read_arrays(tmp_path / "x.npz")["a"]) == [0, 1, 2]
    network = torch.nn.Linear(2, 1)
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    checkpoint = Checkpoint(tmp_path / "x.pt", {"seed": 1})
    parts = {"network": network, "optimiser": optimiser}
    checkpoint.save(parts, {"epoch": 1})
    _, state = checkpoint.load(lambda: parts, torch.device("cpu"), dict)
    assert state == {"epoch": 1}
