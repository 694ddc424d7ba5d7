"""Which of several GPUs a job takes. No GPU is needed: devices are names and processes are real."""

import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from naswot.errors import NaswotError
from naswot.runtime import device
from naswot.runtime.gpu_claims import claim, claims

JOB = """
import sys
from pathlib import Path
from naswot.runtime.gpu_claims import claim
print(claim(tuple(sys.argv[2:]), Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path):
    """Return a starter of processes that hold one of some devices; what they took is `took`."""
    started = []

    def start(*devices: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, str(tmp_path / "claims"), *devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        process.took = devices[int(process.stdout.readline())]
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_jobs_side_by_side_take_different_devices(job):
    assert [job("a", "b", "c").took for _ in range(3)] == ["a", "b", "c"]


def test_a_device_is_the_same_whatever_number_a_job_knows_it_by(job):
    assert job("a", "b").took == "a"
    assert job("b").took == "b"  # as with CUDA_VISIBLE_DEVICES=1
    assert job("b", "a", "c").took == "c"


def test_more_jobs_than_devices_share_them_evenly(job):
    assert [job("a", "b").took for _ in range(5)] == ["a", "b", "a", "b", "a"]


def test_the_device_of_a_killed_job_is_free_again(job):
    first, second = job("a", "b"), job("a", "b")
    assert second.took == "b"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert job("a", "b").took == "a"


def test_a_job_keeps_its_device(tmp_path):
    assert claim(("a", "b"), tmp_path) == claim(("a", "b"), tmp_path) == 0


def test_a_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "absent/claims"):
        with pytest.raises(NaswotError, match=f"^{folder}, .*TMPDIR.*device: cuda:0"):
            claim(("a",), folder)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(NaswotError, match="belongs to somebody else"):
        claim(("a",), tmp_path / "link")


def test_claims_are_in_the_directory_for_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert claims().parent == Path(tmp_path)


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """Let torch believe in two GPUs, and return the list of those that become the current one."""
    chosen = []
    for name, stand_in in {
        "is_available": lambda: True,
        "device_count": lambda: 2,
        "get_device_properties": lambda number: types.SimpleNamespace(uuid=f"GPU-{number}"),
        "set_device": chosen.append,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(device, "claims", lambda: tmp_path / "claims")
    return chosen


def test_a_job_takes_the_gpu_that_no_other_has_or_the_one_that_is_named(gpus, job):
    assert job("GPU-0").took == "GPU-0"
    assert device.choose_device("auto") == device.choose_device("cuda") == torch.device("cuda:1")
    assert device.choose_device("cuda:0") == torch.device("cuda:0")
    assert gpus == [1, 1, 0]
    with pytest.raises(NaswotError, match=r"'cuda:2', but torch sees 2 GPUs here.*cuda:1; choose"):
        device.choose_device("cuda:2")


@pytest.mark.parametrize("name", ["mps", "cuda:x", "cuda:-1", "CUDA", ""])
def test_another_device_is_refused_by_its_name(name):
    with pytest.raises(NaswotError, match="choose auto, cpu, cuda, or a GPU such as cuda:1"):
        device.choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_without_a_gpu_the_cpu_is_recommended(name):
    with pytest.raises(NaswotError, match=f"device is '{name}', but torch sees no GPU here"):
        device.choose_device(name)
