"""Files are whole or absent, and damage is explained."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import lacking

from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.npz import read_arrays
from naswot.io.parquet import digest_of, read_metadata, read_parquet, read_table, write_parquet

FRAME = pd.DataFrame({"index": [1, 2], "score": [1.5, float("-inf")]})


def test_frame_and_metadata_come_back(tmp_path):
    path = tmp_path / "deep" / "table.parquet"
    write_parquet(FRAME, path, {"seed": 3})
    pd.testing.assert_frame_equal(read_parquet(path), FRAME)
    pd.testing.assert_frame_equal(read_parquet(path, ["score"]), FRAME[["score"]])
    assert read_metadata(path) == {"seed": 3}


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail_half_way():
        with replacing(path) as temporary:
            temporary.write_text("half of the new")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


HALF_WRITTEN = """
import sys
from naswot.io.atomic import replacing
with replacing("table.csv") as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    sys.stdin.read()
    temporary.write_text("whole")
"""


@pytest.fixture
def writer(tmp_path, root):
    """Return a process that has half written table.csv, and the name it does so under."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WRITTEN],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process, process.stdout.readline().strip()
        process.kill()


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path, writer):
    process, name = writer
    process.kill()
    process.wait()
    assert os.listdir(tmp_path) == [name]
    with replacing(tmp_path / "table.csv") as temporary:
        temporary.write_text("another's")
    assert os.listdir(tmp_path) == ["table.csv"]


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path, writer):
    process, name = writer
    with replacing(tmp_path / "table.csv") as temporary:
        temporary.write_text("another's")
    assert (tmp_path / "table.csv").read_text() == "another's"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "table.csv"])
    process.communicate()
    assert process.returncode == 0
    assert os.listdir(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "whole"


@given(cut=st.floats(0, 0.999))
def test_a_truncated_file_is_named(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "shard.parquet"
    write_parquet(FRAME, path, {})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    for read in (read_parquet, read_metadata):
        with pytest.raises(NaswotError, match=r"shard\.parquet is not a readable Parquet file"):
            read(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return a sound file, and a place for damaged copies."""
    path = tmp_path_factory.mktemp("sound") / "shard.parquet"
    write_parquet(FRAME, path, {"seed": 3})
    return path, path.with_name("flipped.parquet")


@given(data=st.data())
def test_a_flipped_bit_is_noticed_or_changes_nothing(sound, data):
    path, flipped = sound
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    flipped.write_bytes(content)
    try:
        table, about = read_parquet(flipped), read_metadata(flipped)
    except NaswotError as error:
        said = str(error)
    else:
        pd.testing.assert_frame_equal(table, FRAME)
        assert about == {"seed": 3}
        return
    assert said.startswith(f"{flipped} is not a readable Parquet file")


def test_equal_tables_are_equal_files_and_say_so(tmp_path):
    for name, frame in (("one", FRAME), ("two", FRAME), ("other", FRAME.assign(score=1.0))):
        write_parquet(frame, tmp_path / name, {"seed": 3})
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    assert one.read_bytes() == two.read_bytes()
    assert digest_of(one) == digest_of(two) != digest_of(other)
    FRAME.to_parquet(other)
    assert digest_of(other) is None


def test_a_table_that_is_written_again_states_its_own_digest(tmp_path):
    write_parquet(FRAME, tmp_path / "one", {})
    write_parquet(read_table(tmp_path / "one").slice(1), tmp_path / "two", {})
    assert digest_of(tmp_path / "two") not in (None, digest_of(tmp_path / "one"))


def test_missing_files_and_columns_are_named(tmp_path):
    for read in (read_parquet, read_arrays):
        with pytest.raises(NaswotError, match="does not exist"):
            read(tmp_path / "absent")
    write_parquet(FRAME, tmp_path / "table.parquet", {})
    with pytest.raises(NaswotError, match="no column 'tau'; it has index, score"):
        read_parquet(tmp_path / "table.parquet", ["tau"])


WRITE = """
import numpy, pandas
from naswot.io.parquet import write_parquet
frame = pandas.DataFrame({"x": numpy.random.default_rng(0).random(100_000)})
write_parquet(frame, "disk/table.parquet", {})
"""


def test_a_full_disk_is_explained_and_nothing_is_left(tmp_path, root):
    """On a real, tiny file system, in a mount namespace of its own."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "write.py").write_text(WRITE)
    mount = "mount -t tmpfs -o size=64k tmpfs disk"

    def run(command):
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )

    if shutil.which("unshare") is None or run(mount).returncode:
        lacking("this system does not let us mount a file system of our own")
    done = run(f"{mount} && {sys.executable} write.py; ls -A disk")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("naswot.errors.NaswotError: disk/table.parquet cannot be written")
    assert "No space left on device" in last
    assert done.stdout == ""


MANY = """
import sys
from naswot.io.atomic import replacing
for _ in range(1500):
    with replacing(sys.argv[1]) as temporary:
        temporary.write_text(sys.argv[2] * 100)
"""


def test_many_writers_of_one_file_do_not_sweep_what_another_begins(tmp_path, root):
    table = tmp_path / "table.txt"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    writers = [
        subprocess.Popen([sys.executable, "-c", MANY, table, letter], env=environment)
        for letter in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert table.read_text() in [letter * 100 for letter in "abc"]
    assert os.listdir(tmp_path) == ["table.txt"]


def test_two_writers_of_one_file_never_share_a_temporary_name(tmp_path):
    """As where two nodes of a cluster give their processes the same number."""
    path = tmp_path / "shard"
    with replacing(path) as one, replacing(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # which was finished last
    assert list(tmp_path.iterdir()) == [path]
