"""Tables of timm's results. The rows are some of its own (huggingface/pytorch-image-models)."""

import numpy as np
import pandas as pd
import pytest

import naswot
from naswot.benchmarks.timm_results import read_results
from naswot.costs.latency_table import read_latencies
from naswot.errors import NaswotError

ACCURACIES = """\
model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,interpolation
eva02_large_patch14_448.mim_m38m_ft_in22k_in1k,90.052,9.948,99.048,0.952,305.08,448,1.000,bicubic
eva_giant_patch14_560.m30m_ft_in22k_in1k,89.786,10.214,98.992,1.008,"1,014.45",560,1.000,bicubic
convnext_small.in12k_ft_in1k_384,86.182,13.818,97.922,2.078,50.22,384,1.000,bicubic
"""
MORE = """\
convnextv2_huge.fcmae_ft_in22k_in1k_512,88.858,11.142,98.748,1.252,660.29,512,1.000,bicubic
beit_large_patch16_512.in22k_ft_in22k_in1k,88.596,11.404,98.656,1.344,305.67,512,1.000,bicubic
"""
SPEEDS = """\
model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts
test_vit,160,707.29,1.405,1,0.37,0.04,0.48
resnet18,160,218.15,4.568,1,11.69,0.93,1.27
resnet18,224,126.23,7.907,1,11.69,1.82,2.48
mobilenetv3_large_150d,224,92.84,10.756,1,14.62,,
"""
TRAINING = """\
model,train_samples_per_sec,train_step_time,train_batch_size,train_img_size,param_count
tinynet_e,10001.12,50.423,512,106,2.04
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str, name: str = "results-imagenet.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_accuracies_are_percent_and_parameters_are_counted(write):
    table = read_results(write(ACCURACIES))
    assert table["top1"].tolist() == [90.052, 89.786, 86.182]
    assert table["params"].tolist() == [305_080_000, 1_014_450_000, 50_220_000]
    assert table["image_size"].tolist() == [448, 560, 384]
    assert table["architecture"].iloc[2] == "convnext_small"
    assert set(table["file"]) == {"results-imagenet.csv"}


def test_speeds_say_their_units_and_gaps_stay_gaps(write):
    table = read_results(write(SPEEDS, "benchmark-infer-fp32-nchw-pt240-cpu.csv"))
    batches = table["batch_size"] / table["images_per_second"] * 1000
    np.testing.assert_allclose(table["batch_ms"], batches.astype(float), rtol=0.01)
    assert table["macs"].tolist()[:3] == [40_000_000, 930_000_000, 1_820_000_000]
    assert table["macs"].isna().tolist() == [False, False, False, True]
    training = read_results(write(TRAINING, "benchmark-train-amp.csv"))
    assert training.loc[0, ["image_size", "batch_size", "batch_ms"]].tolist() == [106, 512, 50.423]


def test_a_ranking_is_compared_and_latencies_are_used(write, tmp_path):
    speeds = read_results(write(SPEEDS, "benchmark-infer-fp32-nchw-pt240-cpu.csv"))
    alone = speeds[(speeds["image_size"] == 224) & (speeds["batch_size"] == 1)]
    alone.to_csv(tmp_path / "latencies.csv", index=False)
    found = read_latencies(tmp_path / "latencies.csv", "batch_ms")
    assert found == {"resnet18": 7.907, "mobilenetv3_large_150d": 10.756}
    accuracies = read_results(write(ACCURACIES + MORE)).set_index("network")["top1"]
    scores = pd.DataFrame(
        {"naswot": [7.0, 6.0, 2.0, 5.0, 4.0, 3.0]}, [*accuracies.index, "another"]
    )
    assert 80 < naswot.predict(scores, accuracies)["accuracy"]["another"] < 91


HEADER, *LINES = ACCURACIES.splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no table of timm's results: its columns are missing"),
        ("model,acc\na,1\n", "its columns are model, acc, not model with img_size, top1, top5"),
        (f"{HEADER}\nresnet18,70\n", "row 1: there are not 9 fields"),
        (f"{HEADER}\n{LINES[0]},3\n", "row 1: there are not 9 fields"),
        (
            f"{HEADER}\n{LINES[2].replace('86.182', 'high')}\n",
            "row 1: top1 is 'high', not a number",
        ),
        (f"{HEADER}\n{LINES[2].replace('86.182', '861.82')}\n", r"top1 is 861\.82, not a percent"),
        (f"{HEADER}\n{LINES[2].replace('50.22', '-1')}\n", "param_count is '-1', not a number"),
        (f"{HEADER}\n{LINES[2]}\n{LINES[2]}\n", "row 2: convnext_small.* is there twice"),
        (f'{HEADER}\n"convnext\n', "is not a CSV file with commas"),
    ],
)
def test_a_damaged_table_is_one_message(write, text, message):
    with pytest.raises(NaswotError, match=message):
        read_results(write(text))


def test_a_missing_file_is_one_message(tmp_path):
    with pytest.raises(NaswotError, match=r"none\.csv cannot be read: No such file"):
        read_results(tmp_path / "none.csv")
