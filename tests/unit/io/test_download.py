"""Downloads from a real server on this machine, which fails in the ways that servers do."""

import hashlib
import os
import re
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from naswot.errors import NaswotError
from naswot.io import https
from naswot.io.download import Source, fetch, read_sources

NAME = "table.tfrecord"
CONTENT = np.random.default_rng(0).bytes(300_000)
SOURCE = Source(
    url=None,
    page="https://example.org/table",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    md5=hashlib.md5(CONTENT).hexdigest(),
    bytes=len(CONTENT),
    licence="MIT",
    note="a table",
)
STALL_S = 10.0  # longer than any client waits here
UNPUBLISHED = replace(SOURCE, sha256=None, md5=None, bytes=None)


@dataclass
class Behaviour:
    """How the server answers; `seen` has the Range header of each request."""

    content: bytes = CONTENT
    etag: str | None = '"1"'
    ranges: bool = True
    states_length: bool = True
    statuses: list[int] = field(default_factory=list)  # of the first answers
    cuts: list[int] = field(default_factory=list)  # bytes of the body after which to hang up
    stalls: int = 0  # answers that stop half-way without hanging up
    pause_s: float = 0.0  # between parts of the body
    wrong_range: bool = False
    moved: str | None = None  # where to, with a redirect
    seen: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""

    def do_GET(self):
        behaviour = self.server.behaviour
        asked = self.headers.get("Range")
        behaviour.seen.append(asked)
        if behaviour.statuses:
            self.send_error(behaviour.statuses.pop(0))
            return
        # Taken back first: who is sent elsewhere may ask again before this answer's end is reached.
        moved, behaviour.moved = behaviour.moved, None
        if moved:
            self.send_response(302)
            self.send_header("Location", moved)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, total = 0, len(behaviour.content)
        if asked and behaviour.ranges and self.headers.get("If-Range") in (None, behaviour.etag):
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start -= behaviour.wrong_range
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if behaviour.etag:
            self.send_header("ETag", behaviour.etag)
        if behaviour.states_length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        self.send_body(behaviour.content[start:])

    def do_CONNECT(self):
        self.server.behaviour.seen.append(self.requestline)
        self.send_error(403)

    def send_body(self, body):
        behaviour = self.server.behaviour
        if behaviour.cuts:
            body = body[: behaviour.cuts.pop(0)]
        if behaviour.stalls:
            behaviour.stalls -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            time.sleep(STALL_S)
            return
        for part in range(0, len(body), 50_000):
            self.wfile.write(body[part : part + 50_000])
            self.wfile.flush()
            time.sleep(behaviour.pause_s)


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of clients that hang up."""


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.behaviour = Behaviour()
        server.url = f"http://127.0.0.1:{server.server_port}/{NAME}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "sources" / NAME


def get(server, place, source=SOURCE, mirror=None, timeout_s=5.0):
    sources = {NAME: replace(source, url=server.url)}
    return fetch(NAME, place, sources, mirror, wait_s=0.01, timeout_s=timeout_s)


def check_whole(place, *others):
    assert place.read_bytes() == CONTENT
    assert sorted(os.listdir(place.parent)) == sorted([place.name, *others])


def check_failed(place, server, message, source=SOURCE, left=()):
    with pytest.raises(NaswotError, match=message):
        get(server, place, source)
    assert sorted(os.listdir(place.parent)) == sorted(left)


def test_a_file_is_downloaded_and_stays(server, place):
    line = get(server, place)
    assert line == f"{NAME}: downloaded from {server.url}, sha256 as published"
    check_whole(place)
    os.utime(place, (0, 0))
    assert get(server, place) == f"{NAME}: already there, sha256 as published"
    assert place.stat().st_mtime > 0
    assert server.behaviour.seen == [None]


def test_progress_is_told(server, place, monkeypatch, caplog):
    caplog.set_level("INFO", "naswot")
    monkeypatch.setattr(https, "MIB", 100_000)
    monkeypatch.setattr("naswot.runtime.progress.SECONDS_BETWEEN_LINES", 0)
    get(server, place)
    told = [record.getMessage() for record in caplog.records]
    assert [re.search(r"\d of \d MiB", line)[0] for line in told] == ["1 of 3 MiB", "2 of 3 MiB"]


def test_a_damaged_file_is_replaced(server, place):
    place.parent.mkdir()
    place.write_bytes(CONTENT[:-1] + b"?")
    get(server, place)
    check_whole(place)


def test_a_slow_server_is_waited_for(server, place):
    server.behaviour.pause_s = 0.5
    get(server, place, timeout_s=2.5)
    check_whole(place)
    assert len(server.behaviour.seen) == 1


def test_a_cut_connection_is_resumed(server, place, caplog):
    server.behaviour.cuts = [100_000, 50_000]
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen == [None, "bytes=100000-", "bytes=150000-"]
    assert "trying again" in caplog.text


def test_a_stalled_connection_is_resumed(server, place):
    server.behaviour.stalls = 1
    get(server, place, timeout_s=2.0)
    check_whole(place)
    assert server.behaviour.seen == [None, f"bytes={2 * https.CHUNK_BYTES}-"]


def test_a_later_run_goes_on_where_one_was_stopped(server, place):
    server.behaviour.cuts = [10_000] * https.ATTEMPTS
    check_failed(place, server, "could not be downloaded in 6 attempts", left=[f"{NAME}.part"])
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen[-1] == "bytes=60000-"


def test_a_complete_part_is_not_asked_for_again(server, place):
    place.parent.mkdir()
    part = place.with_name(f"{NAME}.part")
    part.write_bytes(CONTENT)
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen == []
    part.write_bytes(CONTENT)
    place.unlink()
    get(server, place, replace(SOURCE, bytes=None))
    check_whole(place)
    assert server.behaviour.seen == ["bytes=300000-"]


def test_a_part_that_is_too_long_is_begun_anew(server, place):
    place.parent.mkdir()
    place.with_name(f"{NAME}.part").write_bytes(CONTENT + b"more")
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen == ["bytes=300004-", None]


def test_a_server_without_ranges_sends_it_all_again(server, place):
    server.behaviour.ranges = False
    server.behaviour.cuts = [100_000]
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen == [None, "bytes=100000-"]


def test_another_range_than_was_asked_for_is_not_used(server, place):
    server.behaviour.wrong_range = True
    server.behaviour.cuts = [100_000]
    get(server, place)
    check_whole(place)
    assert server.behaviour.seen == [None, "bytes=100000-", None]


def test_a_file_that_changes_between_attempts_is_not_spliced(server, place):
    server.behaviour.content, server.behaviour.cuts = b"old" * 100_000, [100_000]
    sleep = https.tenacity.nap.time.sleep

    def change(seconds):
        server.behaviour.content, server.behaviour.etag = CONTENT, '"2"'
        sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(https.tenacity.nap.time, "sleep", change)
        get(server, place, UNPUBLISHED)
    check_whole(place, f"{NAME}.sha256")


@pytest.mark.parametrize("states_length", [True, False])
def test_wrong_bytes_are_refused(states_length, server, place):
    server.behaviour.content = CONTENT[:-1] + b"?"
    server.behaviour.states_length = states_length
    check_failed(place, server, rf"{NAME} from http.* is not the published file: its sha256 is")
    md5_only = replace(SOURCE, sha256=None)
    check_failed(place, server, "is not the published file: its md5 is", md5_only)


def test_a_file_of_another_size_is_refused_before_it_is_loaded(server, place):
    server.behaviour.content = b"<html>moved</html>"
    check_failed(place, server, "offers 18 bytes; the published file has 300,000")


@pytest.mark.parametrize("length", [299_999, 3_000_000])
def test_a_size_that_is_not_stated_is_found_out(length, server, place):
    server.behaviour.content = (CONTENT * 10)[:length]
    server.behaviour.states_length = False
    check_failed(place, server, r"it has [\d,]+ bytes instead of 300,000")


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there_is_not_asked_for_twice(status, server, place):
    server.behaviour.statuses = [status]
    check_failed(place, server, rf"{NAME} answered {status} \w+.*mirror")
    assert len(server.behaviour.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(status, server, place):
    server.behaviour.statuses = [status, status]
    get(server, place)
    check_whole(place)
    assert len(server.behaviour.seen) == 3


def test_a_server_that_stays_in_trouble_is_given_up(server, place):
    server.behaviour.statuses = [500] * 99
    check_failed(place, server, r"in 6 attempts \(the server answered 500")
    assert len(server.behaviour.seen) == https.ATTEMPTS


def test_no_server_and_no_address_are_explained(server, place, tmp_path):
    for url, message in [
        ("http://127.0.0.1:1/x", r"in 6 attempts \(the connection failed"),
        ("ftp://127.0.0.1/x", "cannot be requested"),
        ("http://", "cannot be requested"),
        (f"file://{__file__}", "cannot be requested"),
    ]:
        with pytest.raises(NaswotError, match=message):
            fetch(NAME, place, {NAME: replace(SOURCE, url=url)}, wait_s=0.001)
    assert not place.exists()


# Addresses that lead nowhere (RFC 5737): whoever asked them would wait and try again.
@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/x",
        "HTTP://192.0.2.1/x",
        "http://127.0.0.1@192.0.2.1/x",
        "http://127.0.0.1.example.org/x",
    ],
)
def test_nothing_is_asked_for_unencrypted(url, place):
    with pytest.raises(NaswotError, match=r"is not encrypted \(https\)\. Put the file into"):
        fetch(NAME, place, {NAME: replace(SOURCE, url=url)}, wait_s=0.001)
    assert not place.exists()


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ("http://192.0.2.1/x", r"http://192\.0\.2\.1/x is not encrypted"),
        ("//192.0.2.1/x", "is not encrypted"),
        ("file:///etc/hostname", "cannot be requested"),
    ],
)
def test_a_redirect_to_what_is_not_encrypted_is_not_followed(moved, message, server, place):
    server.behaviour.moved = moved
    check_failed(place, server, message)
    assert len(server.behaviour.seen) == 1


def test_a_proxy_learns_no_more_than_the_name_of_the_server(server, place, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    source = replace(SOURCE, url="https://example.org/secret")
    with pytest.raises(NaswotError, match="in 6 attempts"):
        fetch(NAME, place, {NAME: source}, wait_s=0.001)
    asked = {line.rsplit(" ", 1)[0] for line in server.behaviour.seen}
    assert asked == {"CONNECT example.org:443"}


def test_a_redirect_to_what_may_be_asked_is_followed(server, place):
    server.behaviour.moved = server.url
    get(server, place)
    check_whole(place)
    assert len(server.behaviour.seen) == 2


def test_a_server_elsewhere_cannot_redirect_into_this_machine(server):
    home, elsewhere = (
        https._Unencrypted(server.url),
        https._Unencrypted("https://example.org"),
    )
    request = https.requests.Request("GET", server.url).prepare()
    home.send(request).close()
    with pytest.raises(https.requests.exceptions.InvalidSchema, match="is not encrypted"):
        elsewhere.send(request)
    assert len(server.behaviour.seen) == 1


def test_the_first_download_holds_where_no_checksum_is_published(server, place):
    line = get(server, place, UNPUBLISHED)
    assert f"sha256 {SOURCE.sha256} recorded (none is published)" in line
    check_whole(place, f"{NAME}.sha256")
    record = place.with_name(f"{NAME}.sha256")
    assert record.read_text() == f"{SOURCE.sha256}  {NAME}\n"
    place.unlink()
    server.behaviour.content = b"changed"
    left = [f"{NAME}.sha256"]
    check_failed(place, server, "that of the first download was", UNPUBLISHED, left)
    assert record.read_text().startswith(SOURCE.sha256)


def test_a_part_without_a_checksum_is_not_trusted_in_a_later_run(server, place):
    place.parent.mkdir()
    place.with_name(f"{NAME}.part").write_bytes(b"of another version")
    get(server, place, UNPUBLISHED)
    check_whole(place, f"{NAME}.sha256")
    assert server.behaviour.seen == [None]


@pytest.mark.parametrize("folder", ["", "sources/"])
def test_the_mirror_is_the_first_choice(folder, server, place, tmp_path):
    mirrored = tmp_path / "mirror" / f"{folder}{NAME}"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(CONTENT)
    mirrored.chmod(0o444)
    line = get(server, place, mirror=tmp_path / "mirror")
    assert line == f"{NAME}: copied from {mirrored}, sha256 as published"
    check_whole(place)
    place.write_bytes(b"ours to change")
    assert mirrored.read_bytes() == CONTENT
    assert server.behaviour.seen == []


def test_a_damaged_mirror_is_named(server, place, tmp_path):
    mirrored = tmp_path / NAME
    mirrored.write_bytes(CONTENT[:-1])
    with pytest.raises(NaswotError, match=rf"{NAME} is not the published file: it has 299,999"):
        get(server, place, mirror=tmp_path)
    (tmp_path / f"{NAME}.sha256").write_text(f"{SOURCE.sha256}  {NAME}\n")
    with pytest.raises(NaswotError, match="that of the first download was"):
        get(server, place, UNPUBLISHED, mirror=tmp_path)
    assert os.listdir(place.parent) == []
    assert server.behaviour.seen == []


def test_a_mirror_without_the_file_leaves_it_to_the_network(server, place, tmp_path):
    get(server, place, mirror=tmp_path / "absent")
    check_whole(place)


def test_what_cannot_be_fetched_is_explained(place):
    with pytest.raises(NaswotError, match=rf"no source 'table\.tfrecrd'; did you mean {NAME}"):
        fetch("table.tfrecrd", place, {NAME: SOURCE})
    with pytest.raises(NaswotError, match="there are: table"):
        fetch("zzz", place, {NAME: SOURCE})
    with pytest.raises(NaswotError, match=r"by hand: https://example\.org/table describes where"):
        fetch(NAME, place, {NAME: SOURCE})
    assert not place.parent.exists()


def test_a_place_that_cannot_be_written_is_explained(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(NaswotError, match=r"cannot be written: (Not a directory|File exists)"):
        get(server, tmp_path / "file" / NAME)


def test_every_official_source_is_described(root):
    sources = read_sources(root / "config" / "sources.yaml")
    assert len(sources) > 15
    for source in sources.values():
        assert source.url is None or source.url.startswith("https://")
        assert source.page.startswith("https://")
        assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.md5 is None or re.fullmatch("[0-9a-f]{32}", source.md5)
        assert source.bytes is None or source.bytes > 10**6
        assert source.licence
        assert source.note
    batches = [source.md5 for name, source in sources.items() if name.startswith("ImageNet16/")]
    assert len(set(batches)) == 11


def test_an_unsound_list_of_sources_is_named(tmp_path):
    path = tmp_path / "sources.yaml"
    for content, message in [
        (b"a: [", "not readable as YAML"),
        (b"\xff\xfe\x00", "not readable as YAML"),
        (b"- a", "should map names of files"),
        (b"a: {url: null}", "a should have the keys url, page, sha256"),
        (b"a: 3", "a should have the keys"),
        (b"../a: {}", "'../a' is not a file name"),
        (b"a/../../b: {}", "is not a file name"),
        (b"/etc/a: {}", "is not a file name"),
        (b"3: {}", "3 is not a file name"),
    ]:
        path.write_bytes(content)
        with pytest.raises(NaswotError, match=rf"sources\.yaml.* {message}"):
            read_sources(path)
    with pytest.raises(NaswotError, match="No such file"):
        read_sources(tmp_path / "absent.yaml")
