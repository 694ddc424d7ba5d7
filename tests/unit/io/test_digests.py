"""A file that takes another's place is noticed, whatever its date; a copy is not."""

import os
import shutil
import subprocess

import pytest

from naswot.io.digests import BLOCK, LOOKED_AT, quick_digest, sha256_of

SMALL, LARGE = BLOCK // 2, (LOOKED_AT + 40) * BLOCK


def test_a_digest_is_that_of_sha256sum(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (tmp_path / "folder" / name).write_text(name)
    printed = subprocess.check_output(["sha256sum", "a", "deep/b"], cwd=tmp_path / "folder")
    (tmp_path / "printed").write_bytes(printed)
    assert sha256_of(tmp_path / "folder") == sha256_of(tmp_path / "printed")
    digest = subprocess.check_output(["sha256sum", tmp_path / "printed"], text=True).split()[0]
    assert sha256_of(tmp_path / "printed") == digest


@pytest.mark.parametrize("size", [0, 1, SMALL, LARGE])
def test_a_copy_looks_the_same_and_another_file_does_not(tmp_path, size):
    one = tmp_path / "one"
    one.write_bytes(os.urandom(size))
    copy = tmp_path / "copy"
    shutil.copyfile(one, copy)
    os.utime(copy, (0, 0))
    assert quick_digest(copy) == quick_digest(one)
    one.write_bytes(os.urandom(size + 1))
    assert quick_digest(copy) != quick_digest(one)


def test_of_a_large_file_the_ends_and_the_middle_are_looked_at(tmp_path):
    file = tmp_path / "large"
    file.write_bytes(bytes(LARGE))
    seen = {quick_digest(file)}
    for place in (0, LARGE // 2 // BLOCK * BLOCK, LARGE - 1):
        with file.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"x" * min(BLOCK, LARGE - place))
        seen.add(quick_digest(file))
    assert len(seen) == 4


def test_a_folder_is_its_names_and_sizes(tmp_path):
    (tmp_path / "a").write_text("1")
    seen = {quick_digest(tmp_path)}
    (tmp_path / "b").write_text("1")
    seen.add(quick_digest(tmp_path))
    (tmp_path / "b").write_text("12")
    seen.add(quick_digest(tmp_path))
    assert len(seen) == 3
