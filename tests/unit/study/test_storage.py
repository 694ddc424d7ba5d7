"""Networks are recorded whole, once, and only beside networks that were scored in the same way."""

import os
import subprocess
import sys

import optuna
import pytest

from naswot.errors import NaswotError
from naswot.spaces.choices import Drawn
from naswot.study.records import Record
from naswot.study.storage import STUDY, Storage, owned

DIRECTIONS = ["maximize", "minimize"]
SETTINGS = {"space": "small", "scores": ["naswot"]}


def record(width, **about):
    drawn = Drawn(f"w{width}", {"width": width}, {"width": (2, 4, 6, 8)})
    return Record(drawn, width, scores={"naswot": -float("inf")}, seconds=0.5, **about)


@pytest.fixture(params=["study.journal", "sqlite"])
def where(request, tmp_path):
    return str(
        tmp_path / "a.journal" if request.param != "sqlite" else f"sqlite:///{tmp_path}/a.db"
    )


def test_records_are_read_as_they_were_added(where):
    storage = Storage(where, SETTINGS, DIRECTIONS)
    added = [
        record(2, note="ünusual", costs={"params": 12.0}),
        record(4, costs={"params": 3.0}, oldest=1, stream=7),
        Record(record(6).drawn, 9, note="it raises ValueError", failed=True),
    ]
    for one, values in zip(added, [(-float("inf"), 12.0), (1.5, 3.0), None], strict=True):
        storage.add(one, values)
    found = Storage(where, SETTINGS, DIRECTIONS).records()
    assert [repr(one) for one in found] == [repr(one) for one in added]


def test_optuna_reads_the_study(where):
    Storage(where, SETTINGS, DIRECTIONS).add(record(8), (-float("inf"), 3.0))
    storage = where
    if "://" not in where:
        backend = optuna.storages.journal.JournalFileBackend(where)
        storage = optuna.storages.JournalStorage(backend)
    (trial,) = optuna.load_study(study_name=STUDY, storage=storage).trials
    assert trial.params == {"width": 8}
    assert trial.values == [-float("inf"), 3.0]


def test_two_programs_see_each_others_networks_and_each_network_once(where):
    first, second = (Storage(where, SETTINGS, DIRECTIONS) for _ in range(2))
    first.add(record(2), (1.0, 1.0))
    second.add(record(4), (2.0, 1.0))
    first.add(record(4), (2.0, 1.0))
    for storage in (first, second):
        assert [one.drawn.arch for one in storage.records()] == ["w2", "w4"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SETTINGS | {"scores": ["synflow"]}, r"other scores \(\['naswot'\], now \['synflow'\]\)"),
        (SETTINGS | {"files_of_the_space": ["ab"]}, "other files of the space"),
        ({"space": "small"}, "other scores"),
    ],
)
def test_a_search_with_other_settings_is_refused(where, settings, message):
    Storage(where, SETTINGS, DIRECTIONS).add(record(2), (1.0, 1.0))
    with pytest.raises(NaswotError, match=message):
        Storage(where, settings, DIRECTIONS)


def test_an_unfinished_line_is_cut_off(tmp_path):
    path = tmp_path / "study.journal"
    storage = Storage(path, SETTINGS, DIRECTIONS)
    storage.add(record(2), (1.0, 1.0))
    with path.open("ab") as stream:
        stream.write(b'{"op_code":4,"worker_id":"x","study')
    storage = Storage(path, SETTINGS, DIRECTIONS)
    storage.add(record(4), (1.0, 1.0))
    found = Storage(path, SETTINGS, DIRECTIONS).records()
    assert [one.drawn.arch for one in found] == ["w2", "w4"]


@pytest.mark.parametrize("content", ["not a study\n", '{"a": 1}\n{"b": 2}\n'])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(NaswotError, match=r"notes\.txt cannot be used .* Name a file"):
        Storage(path, SETTINGS, DIRECTIONS)


def test_another_study_of_optuna_is_refused(tmp_path):
    where = f"sqlite:///{tmp_path}/theirs.db"
    study = optuna.create_study(storage=where, study_name=STUDY)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(NaswotError, match="an Optuna study that is not a naswot search"):
        Storage(where, SETTINGS, DIRECTIONS)


def test_passwords_are_not_shown():
    where = "postgresql://me:secret@host/db"
    with pytest.raises(NaswotError, match="me:…@host") as raised:
        Storage(where, SETTINGS, DIRECTIONS)
    assert "secret" not in str(raised.value)


def test_a_folder_cannot_be_a_storage(tmp_path):
    with pytest.raises(NaswotError, match="is a folder"):
        Storage(tmp_path, SETTINGS, DIRECTIONS)


FULL = """
import resource, sys
from naswot.errors import NaswotError
from naswot.spaces.choices import Drawn
from naswot.study.records import Record
from naswot.study.storage import Storage
storage = Storage(sys.argv[1], {"a": 1}, ["maximize"])
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
for number in range(100):
    drawn = Drawn(f"w{number}", {"width": number}, {"width": tuple(range(100))})
    try:
        storage.add(Record(drawn, number, seconds=1.0), (1.0,))
    except NaswotError as error:
        print(number, error)
        break
"""


def test_a_full_disk_loses_no_recorded_network(tmp_path):
    path = tmp_path / "study.journal"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    number, _, message = done.stdout.partition(" ")
    assert "study.journal cannot be written: File too large. All networks that were" in message
    storage = Storage(path, {"a": 1}, ["maximize"])
    assert len(storage.records()) == int(number) > 0
    drawn = Drawn("w", {"width": 3}, {"width": tuple(range(100))})
    storage.add(Record(drawn, 200, seconds=1.0), (1.0,))
    assert len(Storage(path, {"a": 1}, ["maximize"]).records()) == int(number) + 1


def test_a_folder_belongs_to_one_search_at_a_time(tmp_path):
    other = pytest.raises(NaswotError, match="Another search is running in")
    with owned(tmp_path / "found"), other, owned(tmp_path / "found"):
        pass
    with owned(tmp_path / "found"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(NaswotError, match="found cannot be written"), owned(tmp_path / "found"):
        pass


def test_a_line_that_another_program_left_unfinished_is_cut_off(tmp_path):
    path = tmp_path / "study.journal"
    first, second = (Storage(path, SETTINGS, DIRECTIONS) for _ in range(2))
    first.add(record(2), (1.0, 1.0))
    with path.open("ab") as stream:  # its disk is full for a moment
        stream.write(b'{"op_code":4,"worker')
    second.add(record(4), (1.0, 1.0))
    first.add(record(6), (1.0, 1.0))
    found = Storage(path, SETTINGS, DIRECTIONS).records()
    assert [one.drawn.arch for one in found] == ["w2", "w4", "w6"]


def test_a_search_without_networks_takes_new_settings(where):
    Storage(where, SETTINGS, DIRECTIONS)
    changed = SETTINGS | {"scores": ["synflow"]}
    Storage(where, changed, DIRECTIONS).add(record(2), (1.0, 1.0))
    with pytest.raises(NaswotError, match="other scores"):
        Storage(where, SETTINGS, DIRECTIONS)


def test_a_choice_must_keep_its_options(where):
    storage = Storage(where, SETTINGS, DIRECTIONS)
    storage.add(record(2), (1.0, 1.0))
    other = Record(Drawn("w3", {"width": 3}, {"width": (1, 3)}), 5, seconds=1.0)
    with pytest.raises(NaswotError, match=r"w3 cannot be recorded.*same options"):
        storage.add(other, (1.0, 1.0))
