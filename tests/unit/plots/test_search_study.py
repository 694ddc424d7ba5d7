"""The figure of the study under a limit of latency."""

import numpy as np
import pandas as pd

from naswot.benchmarks.hardware import DEVICES


def made_up() -> pd.DataFrame:
    generator, rows = np.random.default_rng(0), []
    for dataset, key in (("cifar10", "cifar10/ori-test/200"), ("cifar100", "cifar100/x-test/200")):
        for device in DEVICES:
            for quantile in (50, 100):
                for name, sizes in (
                    ("naswot", (10, 100, 1000)), ("mine", (10, 100, 1000)),
                    ("params", (10, 100, 1000)), ("random", (1,)), ("optimal", (70 * quantile,)),
                ):  # fmt: skip
                    for size in sizes:
                        mean = generator.uniform(60, 70)
                        rows.append(
                            (dataset, key, device, quantile, quantile / 9, name, size, mean)
                        )
    names = ["dataset", "accuracy", "device", "quantile", "limit_ms", "chosen_by", "sample_size"]
    table = pd.DataFrame(rows, columns=[*names, "mean"])
    return table.assign(mean_low=table["mean"] - 1, mean_high=table["mean"] + 1)


def test_each_device_and_each_search_is_named(drawn, tmp_path):
    made_up().to_csv(tmp_path / "study.csv", index=False)
    texts = drawn("search_study", {"table": tmp_path / "study.csv"})
    for device in DEVICES.values():
        assert sum(text.endswith(device) for text in texts) == 2
    assert any("CIFAR-100\ncifar100/x-test/200" in text for text in texts)
    legend = {"best possible", "random"}
    legend |= {f"{s}, N = {n}" for s in ("naswot", "mine", "params") for n in ("1,000", "100")}
    assert legend <= set(texts)
    assert "naswot, N = 10" not in texts
