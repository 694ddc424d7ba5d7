"""TransNAS-Bench-101: from a compact mirror, and from a small file in the official form."""

import logging
import os

import miniatures
import numpy as np
import pandas as pd
import pytest
import torch

from naswot.analysis.correlation import correlate_scores
from naswot.benchmarks import transnas
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.table import accuracy_keys, check
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces import SPACES

MICRO = ("64-41414-3_33_333", "64-41414-0_00_000", "64-41414-1_02_333")
MACRO = ("64-4111-basic", "64-2311-basic")
REPORTED = [
    key for about in DATASETS["transnas_micro"].values() for key in (about.valid, about.test)
]


@pytest.fixture
def content() -> dict:
    return miniatures.transnas({"macro": MACRO, "micro": MICRO})


@pytest.fixture(params=[False, True], ids=["older", "zip"])
def save(request, tmp_path):
    def write(content):
        path = tmp_path / transnas.OFFICIAL
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return write


# --- the official file --------------------------------------------------------------------------


def test_the_official_file_has_best_and_last_values_and_curves(save, content):
    table = transnas.read(save(content), "micro").set_index("arch")
    assert table["index"].to_dict() == {MICRO[0]: 4095, MICRO[1]: 0, MICRO[2]: 1215}
    assert table["params"].to_dict() == {
        arch: SPACES["transnas_micro"].benchmark_params(arch) for arch in MICRO
    }
    names = {"": "top1", "-neg-loss": "neg_loss", "-miou": "mIoU", "-ssim": "ssim"}
    for key in REPORTED:
        task, best, epochs = key.split("/")
        _, split, *ending = best.split("-", 2)
        name = f"{split}_{names[''.join(f'-{end}' for end in ending)]}"
        last = f"{task}/{best.removeprefix('best-')}/{epochs}"
        for arch in MICRO:
            curve = content["data"]["micro"][arch][task]["metrics"][name]
            assert table.at[arch, key] == max(curve)
            assert table.at[arch, last] == curve[-1]
            assert table.at[arch, f"{last}/per-epoch"] == curve
    seconds = [name for name in table if name.endswith("/train-seconds-per-epoch")]
    assert len(seconds) == 7
    assert (table[seconds] == 200).all(axis=None)
    assert set(accuracy_keys(table)) > set(REPORTED)


def test_a_whole_official_file_passes_the_check(tmp_path, save, content):
    """All architectures: here, copies of one training, in another order than ours."""
    one = content["data"]["macro"][MACRO[0]]
    listed = SPACES["transnas_macro"].architectures()
    content["data"]["macro"] = dict.fromkeys(reversed(listed), one)
    path = save(content)
    line = convert_benchmark(BUILT_IN["transnas_macro"], path.parent, tmp_path / "out.parquet")
    assert "3,256 architectures" in line
    table = read_parquet(tmp_path / "out.parquet")
    assert list(table["arch"]) == list(listed)
    assert read_metadata(tmp_path / "out.parquet")["source_file"] == transnas.OFFICIAL


def test_missing_and_short_trainings_are_counted(save, content, caplog):
    results = content["data"]["macro"]
    del results[MACRO[0]]["normal"]
    metrics = results[MACRO[1]]["jigsaw"]["metrics"]
    results[MACRO[1]]["jigsaw"]["metrics"] = {name: curve[:4] for name, curve in metrics.items()}
    with caplog.at_level(logging.WARNING):
        table = transnas.read(save(content), "macro").set_index("arch")
    assert "2 trainings are missing or have too few epochs" in caplog.text
    assert np.isnan(table.at[MACRO[0], "normal/best-valid-ssim/30"])
    assert np.isnan(table.at[MACRO[1], "jigsaw/valid/10"])
    assert table.at[MACRO[1], "jigsaw/best-valid/10"] == max(metrics["valid_top1"][:4])


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(task_list=Malicious()), r"posix\.system"),
        (lambda c: c["task_list"].append("depth"), "it has unknown tasks: depth"),
        (lambda c: c["data"].pop("micro"), "KeyError: 'micro'"),
        (lambda c: c.pop("data"), "KeyError: 'data'"),
        (lambda c: c["data"]["micro"].update({3: {}}), "architectures that are no text"),
        (lambda c: c["data"]["micro"][MICRO[0]]["normal"].pop("metrics"), "KeyError: 'metrics'"),
        (
            lambda c: c["data"]["micro"][MICRO[0]]["normal"]["metrics"].update(test_ssim=["x"]),
            "could not convert string to float",
        ),
    ],
)
def test_a_file_of_other_content_is_refused(save, content, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    change(content)
    with pytest.raises(NaswotError, match=message) as caught:
        transnas.read(save(content), "micro")
    assert transnas.OFFICIAL in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_damaged_file_is_named(save, content):
    path = save(content)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(NaswotError, match=rf"{transnas.OFFICIAL} cannot be read"):
            transnas.read(path, "micro")


# --- the mirror ---------------------------------------------------------------------------------


def small(**columns) -> pd.DataFrame:
    """Return a table in the form of the mirror's."""
    archs = [*MACRO, *MICRO]
    kinds = ["macro"] * len(MACRO) + ["micro"] * len(MICRO)
    table = pd.DataFrame({"index": range(5), "arch": archs, "space": kinds})
    values = {"class_scene/valid_top1": 50.0, "class_scene/valid_top5": 80.0}
    return table.assign(**values | columns)


def test_a_mirror_gives_what_the_official_file_gives(tmp_path, save, content):
    rows = [
        {"index": number, "arch": arch, "space": kind}
        | {f"{t}/{m}": max(v) for t, found in results.items() for m, v in found["metrics"].items()}
        for kind in ("macro", "micro")
        for number, (arch, results) in enumerate(content["data"][kind].items())
    ]
    write_parquet(pd.DataFrame(rows), tmp_path / transnas.MIRROR, {})
    for kind in ("macro", "micro"):
        mirrored = transnas.read_mirror(tmp_path / transnas.MIRROR, kind)
        official = transnas.read(save(content), kind)
        shared = [name for name in mirrored if name in official]
        assert set(REPORTED) < set(shared)
        pd.testing.assert_frame_equal(mirrored[shared], official[shared])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (small().drop(columns="space"), "has no column 'space': it is not transnasbench101"),
        (small().replace("macro", "mega"), "column 'space' has 'mega' in row 0"),
        (small(**{"depth/valid_l1": 1.0}), "'depth/valid_l1', but there is no task 'depth' of"),
        (small(**{"normal/valid_ssim": "x"}), "column 'normal/valid_ssim' does not hold numbers"),
        (small(**{"normal/time_elapsed": "1 h"}), "'normal/time_elapsed' does not hold numbers"),
    ],
)
def test_another_table_is_refused(tmp_path, table, message):
    write_parquet(table, tmp_path / transnas.MIRROR, {})
    with pytest.raises(NaswotError, match=message) as caught:
        transnas.read_mirror(tmp_path / transnas.MIRROR, "micro")
    assert transnas.MIRROR in str(caught.value)


def whole(**columns) -> pd.DataFrame:
    space = SPACES["transnas_macro"]
    table = pd.DataFrame({"index": np.arange(space.size), "arch": space.architectures()})
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (whole(**{REPORTED[0]: 50.0}).iloc[:-3], "has 3,253 of the 3,256 architectures"),
        (whole(**{REPORTED[0]: 0.5}), "accuracies must be in percent, not fractions"),
        (whole(**{"segmentsemantic/best-test-miou/30": 0.2}), "its values must be in percent"),
        (whole(**{"segmentsemantic/best-test-miou/30": 101}), r"mIoU \(%\) is from 0 to 100"),
        (whole(**{"normal/valid-ssim/30": 56.0}), "has 56 in row 0; SSIM is from -1 to 1"),
        (whole(**{"room_layout/best-test-neg-loss/25": 0.1}), "negative loss is from -inf to 0"),
    ],
)
def test_values_that_are_not_of_the_metric_are_refused(table, message):
    with pytest.raises(NaswotError, match=message):
        check(table, SPACES["transnas_macro"], "their.parquet")


def test_metrics_other_than_accuracies_are_allowed():
    table = whole(**{"normal/valid-ssim/30": 0.6, "room_layout/valid-neg-loss/25": -0.7})
    assert len(check(table, SPACES["transnas_macro"], "here")) == 3256


def test_the_mirror_has_the_best_values_and_no_losses(mirror, tmp_path):
    """The best values of the whole table, of each task, and no metric of room_layout."""
    best = {
        "transnas_micro": [54.94, 46.32, 95.37, 26.27, 0.5962, 0.5772],
        "transnas_macro": [57.48, 47.96, 97.02, 29.66, 0.6435, 0.7688],
    }
    for name, expected in best.items():
        convert_benchmark(BUILT_IN[name], mirror, tmp_path / f"{name}.parquet")
        table = read_parquet(tmp_path / f"{name}.parquet")
        known = [key for key in REPORTED if "best-valid" in key and "room_layout" not in key]
        assert table[known].max().tolist() == pytest.approx(expected, abs=0.005)
        lacking = [key for key in REPORTED if "room_layout" in key]
        assert table[lacking].isna().all(axis=None)
        # The converted table serves as a mirror of its own.
        assert "architectures" in convert_benchmark(BUILT_IN[name], tmp_path, tmp_path / "again")


def test_tau_of_every_task_is_written(tmp_path):
    """Of all metrics higher is better; a task without values has its reason."""
    listed = SPACES["transnas_macro"].architectures()[:20]
    score = np.arange(20.0)
    table = pd.DataFrame({"index": range(20), "arch": listed, "score": score})
    for key in REPORTED:
        metric = -1 / (1 + score) if "neg-loss" in key else score / 20
        table[key] = np.nan if key.startswith("jigsaw") else metric
    path, csv = tmp_path / "joined.parquet", tmp_path / "kendall_tau.csv"
    write_parquet(table, path, {"space": "transnas_macro", "score": "naswot", "images": "noise"})
    published = tmp_path / "published.csv"
    published.write_text("space,dataset,score,epochs,tau,note\n")
    joined = [(name, path) for name in DATASETS["transnas_macro"]]
    correlate_scores(joined, csv, published=published, resamples=5, seed=0)
    rows = pd.read_csv(csv).set_index("accuracy")
    assert list(rows.index) == REPORTED
    lost = rows.index.str.startswith("jigsaw")
    assert (rows.loc[~lost, "tau"] == 1).all()
    assert (rows.loc[lost, "note"] == "no tau: no architecture has this accuracy").all()
