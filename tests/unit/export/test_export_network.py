"""`naswot.export`: each file is whole and computes what the network computes, or is not there."""

import json
import os
import shutil
import subprocess
import sys

import onnx
import onnxruntime
import pytest
import torch
from architectures import TOPOLOGY, VERTICES, basics, cells
from needs import lacking
from own_networks import Function
from torch import nn

from naswot.errors import NaswotError
from naswot.export import About, Origin, architecture_named, export_architecture, export_network
from naswot.export.checking import compare, outputs_of, sample_of
from naswot.export.formats import FORMATS
from naswot.spaces import nasbench201
from naswot.spaces.nasbench201.network import AveragePool3x3

ORIGIN = Origin("from torch import nn", {"WIDTH": 48}, "nn.Linear(WIDTH, classes)")
SHAPE = (3, 4, 4)

ARCHITECTURES = {
    "nasbench201": TOPOLOGY.replace("none~2", "avg_pool_3x3~2"),
    "natsbench_sss": "8:24:16:8:32",
    "nasbench101": VERTICES,
    "nds_darts": json.dumps(cells(operations=("sep_conv_3x3", "dil_conv_5x5"))),
    "nds_resnet": json.dumps(basics()),
}


def small(forward=lambda self, x: self.head(x.flatten(1))):
    torch.manual_seed(0)
    return Function(forward, head=nn.Linear(48, 3))


def export(network, folder, origin=ORIGIN, **options):
    about = About("Mine", "tiny", origin, classes=3)
    return export_network(network, folder, shape=SHAPE, about=about, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def notes(exported):
    return {one.name: one.note for one in exported.files if one.note}


# The check itself.


def test_a_wrong_layer_is_noticed_though_untrained_networks_ignore_their_images(noise):
    """Their signals fade: with plain images the outputs are the bias of the classifier alone."""
    torch.manual_seed(0)
    right = nasbench201.build(TOPOLOGY, 10).eval()
    wrong = nasbench201.build(TOPOLOGY, 10).eval()
    wrong.load_state_dict(right.state_dict())
    wrong.cells[8].layers[0].op[1].weight.data.neg_()
    plain = noise(3, 16)
    assert torch.allclose(right(plain), wrong(plain), rtol=1e-6)
    sample = sample_of(right, (3, 16, 16))
    assert sample.factor > 1
    assert compare(sample, lambda images: outputs_of(right, images)).relative == 0
    with pytest.raises(NaswotError, match=r"differ from the network's by .* 0\.0001 is allowed"):
        compare(sample, lambda images: outputs_of(wrong, images))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:, :2], r"shapes \[\(1, 2\)\] instead of \[\(1, 3\)\]"),
        (lambda y: (y, y), r"shapes \[\(1, 3\), \(1, 3\)\] instead of"),
        (lambda y: y * 1.001, "differ from the network's by 0.001"),
        (lambda y: y * float("nan"), "differ from the network's by inf"),
    ],
)
def test_what_is_compared_is_number_shape_and_values(change, message):
    network = small().eval()
    sample = sample_of(network, SHAPE)
    with pytest.raises(NaswotError, match=message):
        compare(sample, lambda images: outputs_of(lambda x: change(network(x)), images))


def test_outputs_that_are_not_finite_are_not_taken_for_equal():
    network = small(lambda self, x: self.head(x.flatten(1)) / 0).eval()
    with pytest.raises(NaswotError, match="are not finite"):
        compare(sample_of(network, SHAPE), lambda images: outputs_of(network, images))


def test_a_network_that_ignores_images_is_told_apart(tmp_path):
    network = small(lambda self, x: self.head(x.flatten(1) * 0))
    assert sample_of(network, SHAPE).factor is None
    export(network, tmp_path, formats=["weights"])
    assert "so this says little" in (tmp_path / "README.md").read_text()


# What is written.


def test_weights_are_those_of_the_network_in_float32(tmp_path):
    network = small().double().train()
    exported = export(network, tmp_path, formats=["weights"])
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert {name: value.dtype for name, value in state.items()} == {
        "head.weight": torch.float32,
        "head.bias": torch.float32,
    }
    assert torch.equal(state["head.weight"], network.head.weight.float())
    assert network.training
    assert network.head.weight.dtype == torch.float64
    assert (exported.params, exported.flops) == (147, 2 * 48 * 3)


def test_trained_weights_are_not_called_untrained(tmp_path):
    about = About("Mine", "tiny", ORIGIN, classes=3, seed=None)
    export_network(small(), tmp_path, shape=SHAPE, about=about, formats=["weights"])
    page = (tmp_path / "README.md").read_text()
    assert "Normalise them as in training." in page
    assert "untrained" not in page


def test_a_format_that_is_unknown_or_an_image_of_another_size_is_one_message(tmp_path):
    with pytest.raises(NaswotError, match="no format 'tflite'; there are: weights, onnx"):
        export(small(), tmp_path / "a", formats=["weights", "tflite"])
    about = About("Mine", "tiny", ORIGIN)
    with pytest.raises(NaswotError, match=r"3×5×5.* export it for images of another"):
        export_network(small(), tmp_path / "a", shape=(3, 5, 5), about=about)
    assert not (tmp_path / "a").exists()


def test_code_that_builds_another_network_is_noted(tmp_path):
    exported = export(small(), tmp_path, formats=["weights"])  # a Linear has other names
    assert "does not build this network again" in notes(exported)["network.py"]
    assert "head.weight" in notes(exported)["network.py"]
    assert "does not build" in (tmp_path / "README.md").read_text()


def test_texts_of_the_user_stay_texts(tmp_path):
    hostile = '"""\\\n```| <b>'
    origin = Origin("from torch import nn", {"ARCH": hostile * 20}, "nn.Linear(48, classes)")
    about = About(hostile, hostile, origin, classes=3)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    export_network(network, tmp_path, shape=SHAPE, about=about, formats=["weights"])
    names: dict = {"__name__": "x", "__file__": "x"}
    exec((tmp_path / "network.py").read_text(), names)
    assert names["ARCH"] == hostile * 20
    assert f"````\n{hostile}\n````" in (tmp_path / "README.md").read_text()


# What already lies there.


def test_the_same_export_is_renewed_and_another_refused(tmp_path):
    export(small(), tmp_path, formats=["weights"])
    (tmp_path / "network.onnx").write_bytes(b"of an earlier export")
    before = (tmp_path / "weights.pt").read_bytes()
    export(small(), tmp_path, formats=["weights"])
    assert (tmp_path / "weights.pt").read_bytes() == before
    assert not (tmp_path / "network.onnx").exists()
    about = About("Mine", "tiny", ORIGIN, classes=3, seed=1)
    again = {"shape": SHAPE, "about": about, "formats": ["weights"]}
    with pytest.raises(NaswotError, match=r"another export \(seed: 0, not 1\).*--overwrite"):
        export_network(small(), tmp_path, **again)
    export_network(small(), tmp_path, **again, overwrite=True)
    assert json.loads((tmp_path / "export.json").read_text())["settings"]["seed"] == 1


@pytest.mark.parametrize("record", [None, "[]", "{}", "{", "\x80"])
def test_a_folder_with_other_files_is_refused(tmp_path, record):
    (tmp_path / "README.md").write_text("mine")
    if record is not None:
        (tmp_path / "export.json").write_text(record, encoding="latin-1")
    with pytest.raises(NaswotError, match=r"holds other files\. Name another folder"):
        export(small(), tmp_path, formats=["weights"])
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_interrupted_export_can_be_made_again(tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    about = About("Mine", "tiny", ORIGIN, classes=3, diagram=lambda: interrupt(0))
    again = {"shape": SHAPE, "formats": ["weights"]}
    with pytest.raises(KeyboardInterrupt):
        export_network(small(), tmp_path, about=about, **again)
    assert "README.md" not in names(tmp_path)
    about = About("Mine", "tiny", ORIGIN, classes=3)
    export_network(small(), tmp_path, about=about, **again)
    assert "README.md" in names(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "x", "/dev/null/x"):
        with pytest.raises(NaswotError, match="cannot be"):
            export(small(), folder, formats=["weights"])
    with pytest.raises(NaswotError, match="is a file; name a folder"):
        export(small(), tmp_path / "file", formats=["weights"])


FULL = """
import torch
from naswot.errors import NaswotError
from naswot.export import About, Origin, export_network
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 1000))
origin = Origin("from torch import nn", {}, "nn.Sequential(nn.Flatten(), nn.Linear(48, classes))")
try:
    export_network(
        network, "disk/x", shape=(3, 4, 4), about=About("a", "b", origin, classes=1000),
        formats=["weights"],
    )
except NaswotError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_is_one_message_and_no_part_of_a_file(tmp_path, root):
    (tmp_path / "disk").mkdir()
    (tmp_path / "full.py").write_text(FULL)
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
    done = run(f"{mount} && {sys.executable} full.py; ls -A disk/x")
    message, *left = done.stdout.splitlines()
    assert message.startswith("disk/x/weights.pt cannot be written: No space left on device")
    assert left == ["export.json", "network.py"]


# Formats that fail.


@pytest.mark.slow
def test_a_network_that_torch_cannot_export_keeps_its_other_files(tmp_path, capfd):
    def forward(self, x):
        y = self.head(x.flatten(1))
        return y * 2 if y.sum() > 0 else y  # depends on the data

    exported = export(small(forward), tmp_path)
    failed = notes(exported)
    assert "data-dependent" in failed["network.onnx"]
    assert "data-dependent" in failed["network.pt2"]
    assert {"weights.pt", "README.md"} <= set(names(tmp_path))
    assert not {"network.onnx", "network.pt2"} & set(names(tmp_path))
    assert "**not written**" in (tmp_path / "README.md").read_text()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_an_operation_that_onnx_lacks_leaves_the_other_formats(tmp_path, capfd):
    def forward(self, x):
        return torch.linalg.eigvalsh(self.head(x.flatten(1)).reshape(-1, 1, 3).mT @ x[:, :1, 0, :3])

    exported = export(small(forward), tmp_path)
    assert "eigh" in notes(exported)["network.onnx"]
    assert "\x1b" not in notes(exported)["network.onnx"]
    assert "\n" not in notes(exported)["network.onnx"]
    assert "network.pt2" in names(tmp_path)
    assert "network.onnx" not in names(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_file_that_differs_by_more_than_the_tolerance_is_not_kept(tmp_path):
    found = architecture_named("nds_resnet", ARCHITECTURES["nds_resnet"])
    network = found.build(10)
    about = About(found.title, found.arch, found.origin)
    again = {"shape": (3, 8, 8), "about": about, "formats": ["onnx", "torch.export"]}
    exported = export_network(network, tmp_path, **again)
    kept = {one.name: one.difference for one in exported.files}
    assert 0 < kept["network.onnx"].relative < 1e-5
    assert kept["network.pt2"].relative == 0
    exported = export_network(network, tmp_path, **again, tolerance=1e-12)
    assert "at most 1e-12 is allowed" in notes(exported)["network.onnx"]
    assert names(tmp_path) == ["README.md", "export.json", "network.pt2", "network.py"]


def test_a_package_that_is_missing_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not there
    exported = export(small(), tmp_path, formats=["weights", "onnx"])
    assert notes(exported)["network.onnx"] == (
        "the package onnxscript is not installed: pip install 'naswot[search]'"
    )
    assert "weights.pt" in names(tmp_path)


# Whole exports, used as a user would: in a fresh process, or by ONNX Runtime.

USE = """
import sys, torch
from network import build
torch.manual_seed(0)
network = build()
expected = torch.load(sys.argv[1], weights_only=True)
assert {n: v.shape for n, v in network.state_dict().items()} == expected["shapes"]
network.load_state_dict(torch.load(sys.argv[2], weights_only=True))
with torch.no_grad():
    assert torch.equal(network.eval()(expected["images"]), expected["outputs"])
assert build(classes=7)(expected["images"]).shape == (3, 7)
"""


def use(folder, network, images, root):
    """Build the network and load its weights in a fresh process that only knows the folder."""
    network = network.eval()
    with torch.no_grad():
        outputs = network(images)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    told = folder.parent / "told.pt"
    torch.save({"shapes": shapes, "images": images, "outputs": outputs}, told)
    subprocess.run(
        [sys.executable, "-c", USE, told, folder / "weights.pt"],
        cwd="/",
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{root}"},
        check=True,
    )
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("space", ARCHITECTURES)
def test_an_architecture_of_each_family_goes_home(space, tmp_path, root, noise, capfd):
    found = architecture_named(space, ARCHITECTURES[space])
    folder = tmp_path / "home"
    state = torch.get_rng_state()
    exported = export_architecture(found, folder, shape=(3, 8, 8), classes=5, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")
    assert exported.notes == ()
    assert {one.file for one in FORMATS.values()} < set(names(folder))
    torch.manual_seed(3)
    images = noise(3, 8)
    outputs = use(folder, found.build(5), images, root)

    model = onnx.load(folder / "network.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import] == [20]
    assert not any(node.metadata_props for node in model.graph.node)
    session = onnxruntime.InferenceSession(folder / "network.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, 8, 8]
    assert session.get_outputs()[0].shape == ["batch", 5]
    (computed,) = session.run(["outputs"], {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(computed), outputs, rtol=1e-4, atol=1e-6)
    program = torch.export.load(folder / "network.pt2").module()
    torch.testing.assert_close(program(images), outputs, rtol=1e-4, atol=1e-6)

    for file in (folder / name for name in names(folder) if name != "__pycache__"):
        # Nothing tells where and by whom it was made.
        assert str(root).encode() not in file.read_bytes(), file
    page = (folder / "README.md").read_text()
    assert "![The architecture](network.svg)" in page
    assert f"{exported.params:,.0f}" in page
    assert found.arch in page


def test_pooling_is_one_operation_in_an_exported_network(noise):
    """Within naswot it is a convolution, where that is faster."""
    pooling = AveragePool3x3(3)
    images = noise(2, 8)
    program = torch.export.export(pooling, (images,))
    (operation,) = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert operation == torch.ops.aten.avg_pool2d.default
    torch.testing.assert_close(program.module()(images), pooling(images))
