"""NATS-Bench and NDS in the archives that they are published as, read without unpacking."""

import gzip
import io
import json
import tarfile
import zipfile

import pandas as pd
import pytest

from naswot.benchmarks import nats_bench, nds
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.sources import SOURCES, find
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet
from naswot.io.pickles import MAXIMUM_BYTES
from naswot.spaces.nds import SPACES_NDS

FOLDERS = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SIZES = FOLDERS["sss"]


@pytest.fixture(scope="module")
def unpacked(mirror):
    return mirror / "official_format" / "nats_bench" / "fake_torch_dir"


@pytest.fixture(scope="module")
def files(unpacked) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((unpacked / SIZES).iterdir())}


@pytest.fixture(scope="module")
def expected(unpacked) -> pd.DataFrame:
    return present(nats_bench.read(unpacked / SIZES, "sss"))


def present(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["params"].notna()]  # comparing all 32,768 rows takes seconds


def special(name: str, **attributes: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{SIZES}/{name}")
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member


def pack(path, files, others=(), prefix="", form=tarfile.GNU_FORMAT):
    """Write a tar of `files`, name → content, and then of headers without content."""
    with tarfile.open(path, "w:", format=form) as archive:
        archive.addfile(special("", type=tarfile.DIRTYPE))
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}{SIZES}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return path


@pytest.fixture
def packed(files, tmp_path):
    return pack(tmp_path / f"{SIZES}.tar", files)


@pytest.mark.parametrize("kind", FOLDERS)
def test_an_archive_reads_as_its_folder_does(kind, unpacked, tmp_path, caplog):
    folder = unpacked / FOLDERS[kind]
    path = tmp_path / f"{folder.name}.tar"
    with tarfile.open(path, "w:") as archive:
        archive.add(folder, folder.name)
    with caplog.at_level("INFO", logger="naswot"):
        table = nats_bench.read(path, kind)
    from_folder = nats_bench.read(folder, kind)
    assert list(table["arch"]) == list(from_folder["arch"])
    pd.testing.assert_frame_equal(present(table), present(from_folder))
    assert "results of 3 of the" in caplog.text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("prefix", ["", "./", "a/" * 60])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_neither_order_nor_place_in_the_archive_matters(form, prefix, files, tmp_path, expected):
    backwards = dict(reversed(files.items())) | {"._000011.pickle.pbz2": b"of macOS"}
    path = pack(tmp_path / "their.tar", backwards, prefix=prefix, form=form)
    pd.testing.assert_frame_equal(present(nats_bench.read(path, "sss")), expected)


def test_the_last_of_two_files_of_a_name_counts(files, tmp_path, unpacked, expected):
    path = pack(tmp_path / "their.tar", dict.fromkeys(files, b"old"))
    with tarfile.open(path, "a:") as archive:
        archive.add(unpacked / SIZES, SIZES)
    pd.testing.assert_frame_equal(present(nats_bench.read(path, "sss")), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"000011.pickle.pbz2": b"BZh9"},
            r"tar: 000011\.pickle\.pbz2 is not a complete bzip2 file",
        ),
        (
            {"000011.pickle.pbz2": b"text"},
            r"tar: 000011\.pickle\.pbz2 is not a complete bzip2 file",
        ),
        ({"meta.pickle.pbz2": None}, r"tar has no meta\.pickle\.pbz2. Put the official archive"),
        (
            {"000000.pickle.pbz2": None, "000011.pickle.pbz2": None, "000284.pickle.pbz2": None},
            r"tar has no architecture's file, such as 000000\.pickle\.pbz2",
        ),
    ],
)
def test_a_file_that_is_damaged_or_missing_is_named(change, message, files, tmp_path):
    changed = {name: content for name, content in (files | change).items() if content is not None}
    with pytest.raises(NaswotError, match=message):
        nats_bench.read(pack(tmp_path / "their.tar", changed), "sss")


def test_an_archive_of_the_other_kind_is_refused(packed):
    with pytest.raises(NaswotError, match=r"tar: meta.* lists 32,768 .* Name NATS-tss-v1_0-…-simp"):
        nats_bench.read(packed, "tss")


def test_files_of_another_folder_are_refused(files, tmp_path):
    mixed = files | {"000012.pickle.pbz2": files["000011.pickle.pbz2"]}
    with pytest.raises(NaswotError, match=r"tar: 000012\.pickle\.pbz2 is of .* Do not mix files"):
        nats_bench.read(pack(tmp_path / "their.tar", mixed), "sss")


def test_an_archive_that_was_cut_is_refused_wherever_that_was(packed):
    content = packed.read_bytes()
    with tarfile.open(packed) as archive:
        starts = [member.offset for member in archive]
        end = archive.offset
    for length in (0, 100, 512, *starts[2:], starts[2] + 200, starts[2] + 512, end - 1, end):
        packed.write_bytes(content[:length])
        with pytest.raises(NaswotError, match=r"simple\.tar is not a readable tar .* intact copy"):
            nats_bench.read(packed, "sss")
    packed.write_bytes(content[: end + 512])
    assert len(nats_bench.read(packed, "sss")) == 32_768


def test_a_damaged_header_is_no_end(packed):
    content = bytearray(packed.read_bytes())
    with tarfile.open(packed) as archive:
        start = archive.getmembers()[-1].offset
    content[start + 10] ^= 1
    packed.write_bytes(content)
    with pytest.raises(NaswotError, match=rf"no header and no end at byte {start:,}"):
        nats_bench.read(packed, "sss")


def test_a_compressed_archive_is_refused(packed):
    packed.write_bytes(gzip.compress(packed.read_bytes()))
    with pytest.raises(NaswotError, match=r"simple\.tar is not a readable tar archive"):
        nats_bench.read(packed, "sss")


NAME = "000012.pickle.pbz2"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (special(NAME, type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link or another spec"),
        (special(NAME, type=tarfile.LNKTYPE, linkname="meta.pickle.pbz2"), "is a link or another"),
        (special(NAME, type=tarfile.CHRTYPE), "is a link or another special file"),
        (special(NAME, type=tarfile.FIFOTYPE), "is a link or another special file"),
        (special(NAME, type=tarfile.DIRTYPE), "is a link or another special file"),
        (special(NAME, type=tarfile.GNUTYPE_SPARSE), "is a link or another special file"),
        (special(NAME, size=MAXIMUM_BYTES + 1), "has 16,777,217 bytes; no file .* that large"),
        (special(NAME, size=-1), "has -1 bytes"),
        (special("other", size=-1024), "the member at byte .* has no end"),
        (special("other", size=10**12), "unexpected end of data"),
    ],
)
def test_a_hostile_member_is_refused(member, message, files, tmp_path):
    path = pack(tmp_path / "their.tar", files, [member])
    with pytest.raises(NaswotError, match=message) as caught:
        nats_bench.read(path, "sss")
    assert "their.tar" in str(caught.value)
    assert " in its place" in str(caught.value)


def test_other_members_do_not_matter(files, tmp_path):
    others = [special("evil", type=tarfile.SYMTYPE, linkname="/etc"), special("../../evil")]
    path = pack(tmp_path / "their.tar", files, others)
    assert len(nats_bench.read(path, "sss")) == 32_768
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def official(mirror):
    return mirror / "official_format" / "nds"


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("prefix", ["nds_data/", "", "./data/nds_data/"])
def test_a_zip_reads_as_its_files_do(prefix, compression, official, tmp_path):
    spaces = {
        "DARTS": "nds_list_synthetic.json",
        "DARTS_in": "nds_top_mid_synthetic.json",
        "ResNeXt-A": "nds_anynet_list_synthetic.json",
    }
    members = {f"{prefix}{space}.json": (official / spaces[space]).read_bytes() for space in spaces}
    members |= {prefix or "empty/": b"", f"__MACOSX/{prefix}._DARTS.json": b"of macOS"}
    path = zipped(tmp_path / "nds_data.zip", members, compression)
    for space, file in spaces.items():
        table = nds.read(official / file, space)
        pd.testing.assert_frame_equal(nds.read(path, space), table)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, r"zip has no DARTS\.json; it has: nothing\. Put the published archive"),
        (
            {"nds_data/ENAS.json": b"[]", "b": b""},
            r"no DARTS\.json; it has: b, nds_data/ENAS",
        ),
        ({"a/DARTS.json": b"[]", "b/DARTS.json": b"[]"}, r"has 2 DARTS\.json; it has: a/DARTS\.js"),
        ({"nds_data/DARTS.json": b""}, r"zip: DARTS\.json is not JSON"),
        ({"nds_data/DARTS.json": b"\xff["}, r"zip: DARTS\.json is not JSON"),
        ({"nds_data/DARTS.json": b"{}"}, r"zip: DARTS\.json is neither a list of networks nor"),
        ({"nds_data/DARTS.json": b"[{}]"}, r"zip: DARTS\.json: network 0 is not one of DARTS"),
    ],
)
def test_what_a_zip_lacks_is_named(members, message, tmp_path):
    with pytest.raises(NaswotError, match=message):
        nds.read(zipped(tmp_path / "nds_data.zip", members), "nds_darts")


def test_a_damaged_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "nds_data.zip", {"nds_data/DARTS.json": b"[1, 2, 3]" * 1000})
    whole = path.read_bytes()
    for spoiled in (b"", whole[:-30], b"PK" + bytes(100), whole.replace(whole[60:64], bytes(4))):
        path.write_bytes(spoiled)
        with pytest.raises(NaswotError, match=r"data\.zip is not a readable zip .* intact copy"):
            nds.read(path, "DARTS")
    with pytest.raises(NaswotError, match=r"none\.zip does not exist"):
        nds.read(tmp_path / "none.zip", "DARTS")


def test_a_zip_bomb_is_refused(tmp_path, monkeypatch):
    bomb = b"[" + b" " * 10**6 + b"]"
    path = zipped(tmp_path / "nds_data.zip", {"nds_data/DARTS.json": bomb})
    lying = path.read_bytes().replace(len(bomb).to_bytes(4, "little"), b"\x02\0\0\0")
    monkeypatch.setattr(nds, "LARGEST_MEMBER_BYTES", 10**6)
    with pytest.raises(NaswotError, match=r"zip: DARTS\.json would have 1,000,002 bytes; no file"):
        nds.read(path, "DARTS")
    path.write_bytes(lying)
    with pytest.raises(NaswotError, match=r"nds_data\.zip is not a readable zip .*Bad CRC-32"):
        nds.read(path, "DARTS")
    zipped(path, {"nds_data/DARTS.json": b"[]"}, zipfile.ZIP_LZMA)
    with pytest.raises(NaswotError, match=r"DARTS\.json is neither stored nor deflated"):
        nds.read(path, "DARTS")


def test_a_mirror_with_archives_has_their_spaces(packed, unpacked, official, tmp_path):
    assert find(SOURCES["natsbench_sss"], tmp_path).file == packed.name
    assert find(SOURCES["nasbench201"], tmp_path) is None
    networks = json.loads((official / "nds_list_synthetic.json").read_text())[:8]
    content = json.dumps(networks)
    zipped(tmp_path / "nds_data.zip", {"nds_data/DARTS.json": content})
    assert {find(SOURCES[space], tmp_path).file for space in SPACES_NDS} == {"nds_data.zip"}
    line = convert_benchmark(BUILT_IN["nds_darts"], tmp_path, tmp_path / "out.parquet")
    assert line.startswith("NDS, DARTS: 8 architectures")
    assert read_metadata(tmp_path / "out.parquet")["source"] == "NDS, DARTS"
    with pytest.raises(NaswotError, match=r"zip has no ENAS\.json; it has: nds_data/DARTS\.json"):
        convert_benchmark(BUILT_IN["nds_enas"], tmp_path, tmp_path / "none.parquet")
    line = convert_benchmark(BUILT_IN["natsbench_sss"], tmp_path, tmp_path / "sizes.parquet")
    assert line.startswith("NATS-Bench v1.0, size space: 32,768 architectures")
    assert read_parquet(tmp_path / "sizes.parquet", ["params"])["params"].notna().sum() == 3


def test_what_is_unpacked_comes_before_its_archive(packed, tmp_path):
    (tmp_path / SIZES).mkdir()
    assert find(SOURCES["natsbench_sss"], tmp_path).file == SIZES
