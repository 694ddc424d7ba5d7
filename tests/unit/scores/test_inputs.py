"""Inputs of any form, losses and outputs of one's own."""

import math
import re
from collections import UserDict
from functools import partial
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from naswot import rank, score
from naswot.errors import NaswotError
from naswot.scores import FAMILIES, FAMILY_OF
from naswot.scores.base import Batch, measure
from naswot.scores.custom import needs_of
from naswot.scores.inputs import TensorTree, as_images, as_tensors

CLASSES = 3
WORDS = 30
COLUMNS = [name for name in FAMILY_OF if name != "params"]  # which is always a column
ON_INTEGERS = [name for name in COLUMNS if "float inputs" not in needs_of(name)]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def integers(high, *shape, seed=0):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


def values(frame):
    """Return score → value of the only network in a ranking."""
    return {name: frame[name][0] for name in COLUMNS if name in frame}


def same(one, other, rel=0.0):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == pytest.approx(value, rel=rel, abs=0, nan_ok=True), name


class Signals(nn.Module):
    """A convolutional network of signals (B, 4, 12) to which all scores apply."""

    def __init__(self, num_classes=CLASSES):
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU())
            for width in (4, 8, 8)
        )
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(functional.adaptive_avg_pool1d(x, 1).flatten(1))


class Halves(Signals):
    """The same network, which takes the upper and the lower channels apart."""

    def forward(self, upper, lower):
        return super().forward(torch.cat([upper, lower], 1))


class Sentences(nn.Module):
    """A transformer that classifies sentences of tokens, with a mask of those that count."""

    def __init__(self, num_classes=CLASSES, sequence_first=False):
        super().__init__()
        self.sequence_first = sequence_first
        self.embedding = nn.Embedding(WORDS, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0, batch_first=not sequence_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, num_classes)

    def forward(self, ids, mask):
        x = self.embedding(ids)
        x = x.transpose(0, 1) if self.sequence_first else x
        x = self.encoder(x, src_key_padding_mask=mask == 0)
        x = x.transpose(0, 1) if self.sequence_first else x
        return self.head((x * mask[..., None]).sum(1))


@pytest.fixture(scope="module")
def sentences():
    lengths = torch.tensor([5, 9, 4, 7, 9, 6, 8, 3])
    mask = (torch.arange(9) < lengths[:, None]).long()
    return {"ids": integers(WORDS, 8, 9), "mask": mask}


# All inputs are in one place


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", [lambda x: {"x": x}, lambda x: (x,), lambda x: [x]])
def test_the_form_of_the_inputs_changes_no_score(family, form):
    x, scores = noise(8, 4, 12), FAMILIES[family].scores
    labels = torch.arange(8) % CLASSES
    expected = values(rank([Signals], x, scores, labels=labels))
    assert not all(map(math.isnan, expected.values()))
    same(expected, values(rank([Signals], form(x), scores, labels=labels)))


@pytest.mark.parametrize("family", FAMILIES)
def test_two_tensors_score_as_the_one_that_they_make(family):
    x, needs = noise(8, 4, 12), FAMILIES[family].needs
    scores, labels = FAMILIES[family].scores, torch.arange(8) % CLASSES
    halves = {"upper": x[:, :2], "lower": x[:, 2:]}
    found = values(rank([Halves], halves, scores, labels=labels))
    if "images" in needs or "float inputs" not in needs or family == "synflow":
        same(values(rank([Signals], x, scores, labels=labels)), found, rel=1e-5)
    else:  # inputs of its own, which are drawn tensor by tensor
        assert all(map(math.isfinite, found.values()))


def test_a_network_that_chooses_its_output_scores_as_one_that_returns_it_alone():
    class Verbose(Signals):
        def forward(self, x):
            return {"features": x.mean(2), "logits": [super().forward(x)]}

    x = noise(8, 4, 12)
    found = rank([Verbose], x, "all", output=lambda returned: returned["logits"][0])
    alone, found = values(rank([Signals], x, "all")), values(found)
    # The other output, (1, 4) floats, needs memory.
    assert found.pop("memory") == alone.pop("memory") + 16
    same(alone, found)
    chosen = score(partial(Verbose), x, output=lambda returned: returned["features"])
    assert chosen.note.startswith("the output depends on none")
    assert not score(partial(Verbose), x).note


# Tokens


def test_scores_apply_to_tokens_or_say_that_they_need_floats(sentences):
    frame = rank([Sentences], sentences, "all")
    found = values(frame)
    assert [name for name in found if math.isfinite(found[name])] == ON_INTEGERS
    told = "wrcor, meco: it needs inputs of floating point, and these are integers (ids: int64 "
    assert f"{told}(8, 9), " in frame["note"][0]
    assert not frame["note"][0].partition(": ")[0].startswith("naswot")


def test_tokens_score_as_their_embeddings(sentences):
    """From the embedding on, all that a score of tokens sees is what the same floats would give."""

    class Embedded(Sentences):
        def forward(self, x, mask):
            self.embedding = nn.Identity()
            return super().forward(x, mask)

    torch.manual_seed(0)
    network = Sentences()
    vectors = network.embedding(sentences["ids"]).detach()
    embedded = Embedded()
    embedded.load_state_dict(network.state_dict())
    own = [
        *("naswot", "grad_norm", "snip", "fisher", "plain", "l2_norm", "grasp", "zico", "gradsign"),
        *("activation_codes", "swap", "nngp", "flops"),
    ]
    found = values(rank([network], sentences, own))
    same(found, values(rank([embedded], (vectors, sentences["mask"]), own)), rel=1e-4)


@pytest.mark.parametrize("length", [8, 9, 16])
def test_the_mini_batch_of_tokens_is_found_behind_a_transposition(length):
    ids, mask = integers(WORDS, 8, length), torch.ones(8, length, dtype=torch.int64)
    found = []
    for sequence_first in (False, True):
        torch.manual_seed(0)
        network = Sentences(sequence_first=sequence_first)
        found.append(values(rank([network], (ids, mask), ["naswot", "activation_codes", "swap"])))
        assert score(network, (ids, mask)).note == ""
    assert math.isfinite(found[0]["naswot"])
    same(*found, rel=1e-6)


def test_naswot_of_tokens_is_that_of_the_formula(sentences):
    torch.manual_seed(0)
    network, codes = Sentences(), []
    for layer in network.encoder.layers:
        layer.linear1.register_forward_hook(lambda _, inputs, x: codes.append(x.flatten(1) > 0))
    with torch.no_grad():
        network.train()(**sentences)
    bits = torch.cat(codes, 1).double()
    kernel = bits @ bits.T + (1 - bits) @ (1 - bits).T
    expected = torch.linalg.slogdet(kernel).logabsdet.item()
    assert score(network, sentences).value == pytest.approx(expected, rel=1e-9)


def test_a_single_tensor_of_integers_is_tokens():
    network = nn.Sequential(nn.Embedding(WORDS, 4), nn.Flatten(), nn.Linear(20, 8), nn.ReLU())
    ids = integers(WORDS, 8, 5)
    assert score(network, ids).value == score(network, (ids,)).value
    assert score(network, ids.int().numpy()).value == score(network, ids).value
    assert math.isfinite(score(network, ids).value)


def test_tables_of_numbers_and_categories_keep_the_categories():
    class Table(nn.Module):
        def __init__(self, num_classes=CLASSES):
            super().__init__()
            self.embedding = nn.Embedding(5, 4)
            self.layers = nn.ModuleList(
                nn.Sequential(nn.Linear(width, 8), nn.ReLU()) for width in (10, 8, 8)
            )
            self.head = nn.Linear(8, num_classes)

        def forward(self, numbers, kinds):
            assert kinds.dtype == torch.int64  # and a valid index
            x = torch.cat([numbers, self.embedding(kinds)], 1)
            for layer in self.layers:
                x = layer(x)
            return self.head(x)

    inputs = {"numbers": noise(8, 6).numpy(), "kinds": integers(5, 8)}
    found = values(rank([Table], inputs, "all"))
    # There is no feature map.
    assert [name for name in found if math.isnan(found[name])] == ["zen"]


# Losses


def tabular():
    layers = [nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)]
    return nn.Sequential(*layers, nn.Flatten(0))


class Masks(nn.Module):
    """A small network that segments: logits (B, classes, H, W)."""

    def __init__(self, num_classes=CLASSES):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Conv2d(8, num_classes, 1)

    def forward(self, x):
        return {"out": self.head(functional.relu(self.stem(x)))}


REGRESSION = (tabular, noise(8, 5), noise(8, seed=1), functional.mse_loss)
SEGMENTATION = (Masks, noise(8, 3, 6, 6), integers(CLASSES, 8, 6, 6), functional.cross_entropy)
# What needs the class of an image, logits of classes, or a feature map that is pooled.
OF_CLASSES = {"epe_nas", "nngp", "vkdnw", "vkdnw_entropy", "zen"}


@pytest.mark.parametrize("case", [REGRESSION, SEGMENTATION])
def test_a_loss_of_ones_own_is_what_the_scores_differentiate(case):
    factory, images, labels, loss = case
    frame = rank([factory], images, "all", labels=labels, classes=CLASSES, loss=loss)
    found = values(frame)
    assert {name for name, value in found.items() if math.isnan(value)} == OF_CLASSES
    assert "nngp predicts classes" in frame["note"][0]
    assert "epe_nas: labels are not one class for each image" in frame["note"][0]
    torch.manual_seed(0)
    network = factory()
    output = network.train()(images)
    loss(output["out"] if factory is Masks else output, labels).backward()
    weights = [p for p in network.parameters() if p.ndim > 1]
    norms = sum(w.grad.double().norm().item() for w in weights)
    assert found["grad_norm"] == pytest.approx(norms, rel=1e-5)
    snip = sum((w * w.grad).abs().sum().item() for w in weights)
    assert found["snip"] == pytest.approx(snip, rel=1e-5)


@pytest.mark.parametrize("scores", ["jacob_cov", "log_synflow"])
def test_scores_that_were_not_asked_for_leave_no_note(scores):
    factory, images, labels, loss = REGRESSION
    assert rank([factory], images, scores, labels=labels, loss=loss)["note"].tolist() == [""]
    both = rank([factory], images, [scores, "epe_nas"], labels=labels, loss=loss)
    assert both["note"].tolist() == ["epe_nas: labels are not one class for each image"]


def test_cross_entropy_as_a_loss_is_the_default():
    x, labels = noise(8, 4, 12), torch.arange(8) % CLASSES
    expected = values(rank([Signals], x, "all", labels=labels))
    found = rank([Signals], x, "all", labels=labels, loss=functional.cross_entropy)
    same(expected, values(found))


def test_labels_may_be_a_tree_and_are_cut_with_the_images():
    """One score sees two halves of the mini-batch, another single images."""

    def loss(output, labels):
        assert len(output) == len(labels["wanted"]) == len(labels["weights"])
        return (labels["weights"] * (output - labels["wanted"]).square()).mean()

    labels = {"wanted": noise(8, seed=1), "weights": torch.ones(8).numpy()}
    scores = ["grad_norm", "grasp", "zico", "gradsign"]
    found = rank([tabular], noise(8, 5), scores, labels=labels, loss=loss)
    plain = rank([tabular], noise(8, 5), scores, labels=noise(8, seed=1), loss=functional.mse_loss)
    same(values(plain), values(found), rel=1e-5)
    listed = labels["wanted"].tolist()
    assert values(
        rank([tabular], noise(8, 5), scores, labels=listed, loss=functional.mse_loss)
    ) == values(plain)


def test_a_loss_may_change_its_labels():
    """They are the caller's, and those of the other scores and networks."""

    def halving(output, labels):
        labels["wanted"].mul_(0.5)
        return functional.mse_loss(output, labels["wanted"])

    wanted = noise(8, seed=1)
    scores = ["grad_norm", "grasp", "zico", "gradsign"]
    labels = {"wanted": wanted.clone()}
    found = rank([tabular, tabular], noise(8, 5), scores, labels=labels, loss=halving)
    assert torch.equal(labels["wanted"], wanted)
    plain = rank([tabular], noise(8, 5), scores, labels=wanted / 2, loss=functional.mse_loss)
    for row in range(2):
        same(values(plain), {name: found[name][row] for name in scores})


@given(
    labels=st.lists(st.integers(-3, 300), min_size=8, max_size=8),
    kind=st.sampled_from([np.int16, np.uint16, np.int32, np.int64]),
)
@example(labels=[0, 255] * 4, kind=np.uint8)
@example(labels=[127] * 8, kind=np.int8)
@example(labels=[-100] * 8, kind=np.int64)
def test_the_number_of_classes_is_taken_from_one_label_per_example(labels, kind):
    labels = np.array(labels).astype(kind).astype(np.int64)
    expected = max(labels) + 1 if min(labels) >= 0 else 10
    assert classes_told(labels.astype(kind)) == expected


@pytest.mark.parametrize(
    "labels",
    [
        integers(2, 8, 20),  # several classes for each example
        torch.full((8, 6, 6), 255),  # masks
        torch.arange(8.0),
        torch.arange(8) > 3,
        {"boxes": integers(5, 8)},
    ],
)
def test_other_labels_of_a_loss_tell_no_number_of_classes(labels):
    assert classes_told(labels) == 10
    assert classes_told(labels, classes=7) == 7


def classes_told(labels, **options):
    """Return the number of classes that a function that builds a network is told."""
    told = []

    def build(num_classes):
        told.append(num_classes)
        return nn.Linear(4, 2)

    loss = functional.mse_loss
    rank([build], torch.ones(8, 4), "l2_norm", labels=labels, loss=loss, **options)
    return told[0]


# Hugging Face


def test_a_hugging_face_network_takes_the_batch_of_its_tokenizer(sentences, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")

    def bert(num_classes):
        config = transformers.BertConfig(
            vocab_size=WORDS, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=16, num_labels=num_classes,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        return transformers.BertForSequenceClassification(config)

    named = {"input_ids": sentences["ids"], "attention_mask": sentences["mask"]}
    batch, labels = transformers.BatchEncoding(named), torch.arange(8) % CLASSES
    found = values(rank([bert], batch, "all", labels=labels))
    # There is no ReLU in BERT.
    assert [name for name in found if math.isfinite(found[name])] == ON_INTEGERS[1:]
    chosen = rank([bert], batch, "all", labels=labels, output=lambda returned: returned.logits)
    same(found, values(chosen))
    torch.manual_seed(0)
    network = bert(CLASSES)
    functional.cross_entropy(network.train()(**named).logits, labels).backward()
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    norms = sum(layer.weight.grad.double().norm().item() for layer in layers)
    assert found["grad_norm"] == pytest.approx(norms, rel=1e-5)


# Scores of one's own


def test_a_score_of_ones_own_sees_what_the_built_in_ones_see(sentences):
    def spread(network, batch):
        assert len(batch.images) == len(batch.labels) == 8
        return network(batch.images).std(0).mean() + batch.loss(0, batch.labels)

    def shaped(network, batch):
        return batch.images.mean()

    frame = rank(
        [Sentences],
        sentences,
        [spread, shaped],
        labels=torch.ones(8),
        loss=lambda output, labels: labels.sum(),
        output=lambda logits: logits[:, :2],
    )
    torch.manual_seed(0)
    expected = Sentences(10)(**sentences)[:, :2].std(0).mean().item()
    assert frame["spread"][0] == pytest.approx(expected + 8, rel=1e-5)
    assert math.isnan(frame["shaped"][0])
    assert "shaped: it fails: AttributeError: 'TensorTree' object has no" in frame["note"][0]


# What is wrong is named


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({}, "images are a dict without tensors; a mini-batch is one tensor"),
        ({"a": torch.ones(4, 2), "b": torch.ones(5, 2)}, r"\(a: float32 \(4, 2\), b: float32 \(5,"),
        (
            (torch.ones(4, 2), torch.tensor(1)),
            "different numbers of examples .* the first dimension",
        ),
        ({"a": {"b": [torch.ones(1, 2)]}}, "There is one image"),
    ],
)
def test_inputs_that_are_no_mini_batch_are_refused(images, message):
    with pytest.raises(NaswotError, match=message):
        rank([tabular], images)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            lambda output, labels: (output - labels).square(),
            r"loss of Sequential is no scalar tensor but \(\d,\); return",
        ),
        (
            lambda output, labels: 1.0,
            "loss of Sequential is no scalar tensor but float; return one",
        ),
        (lambda output, labels: output.detach().mean(), "loss of Sequential has no gradient; comp"),
        (lambda output, labels: output["out"], "loss fails on the output of Sequential, of shape"),
    ],
)
@pytest.mark.parametrize("family", ["gradients", "zico", "gradsign"])
def test_losses_that_cannot_be_differentiated_are_named(family, loss, message):
    scores = FAMILIES[family].scores
    with pytest.raises(NaswotError, match=message):
        rank([tabular], noise(8, 5), scores, labels=noise(8), loss=loss)
    frame = rank([tabular], noise(8, 5), [*scores, "params"], labels=noise(8), loss=loss)
    assert frame["params"][0] == 385
    assert frame[scores[0]].isna().all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "A loss is given without labels; give"),
        ("cat", "labels are a str without tensors; give a tensor"),
        (noise(7), r"labels of shape \(7,\) for 8 images; the first"),
        (noise(1)[0], r"labels of shape \(\) for 8 images; the first"),
    ],
)
def test_labels_that_suit_no_loss_are_named(labels, message):
    with pytest.raises(NaswotError, match=message):
        rank([tabular], noise(8, 5), labels=labels, loss=functional.mse_loss)


def test_labels_that_need_a_loss_say_so():
    with pytest.raises(NaswotError, match=r"one per image. \(Other labels need a `loss`.\)"):
        rank([tabular], noise(8, 5), labels=noise(8))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda returned: returned.logits, "Masks returns a dict, on which .* AttributeError"),
        (
            lambda returned: returned["logits"],
            "Masks returns a dict, on which .* KeyError: 'logits'",
        ),
        (
            lambda returned: 1.0,
            "Masks returns a dict, of which the function `output` makes a float",
        ),
        (lambda returned: returned["out"].sum(), "Masks returns no tensor of floats with one row"),
    ],
)
def test_outputs_that_are_no_tensor_are_named(output, message):
    with pytest.raises(NaswotError, match=message):
        rank([Masks], noise(8, 3, 6, 6), "grad_norm", output=output)


def test_a_call_that_fails_names_the_arguments(sentences):
    with pytest.raises(NaswotError, match=r"^Sentences fails when it is called with \(ids: int64"):
        rank([Sentences], {"ids": sentences["ids"]})
    images = [noise(8, 5), torch.arange(8)]  # a batch with its labels
    with pytest.raises(NaswotError, match=r"^Sequential fails when it is called with \(0: float32"):
        score(tabular(), images)


# The page


def test_the_examples_of_the_page_run(root):
    pytest.importorskip("transformers")
    page = (root / "docs/how-to/inputs.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(examples) == 4
    for code in examples:
        names: dict = {}
        exec(code, names)
        assert names["ranking"].drop(columns="note").notna().all(axis=None)
        assert math.isfinite(names.get("value", 0))


def test_the_page_has_each_score_once(root):
    page = (root / "docs/how-to/inputs.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| ")]
    told = {name: what for what, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert told.keys() == FAMILY_OF.keys()
    assert sum(cell.count("`") for _, cell in rows) == 2 * len(FAMILY_OF)
    for name, what in told.items():
        assert ("float" in what) == ("float inputs" in needs_of(name)), name


# Trees


@given(
    sizes=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=4),
    part=st.builds(slice, st.integers(0, 6), st.integers(0, 6)),
)
def test_a_tree_is_cut_copied_and_moved_like_its_tensors(sizes, part):
    tensors = [
        torch.ones(6, width) if floats else torch.ones(6, width, dtype=torch.int64)
        for floats, width in sizes
    ]
    tree = as_tensors({"a": tensors, "flag": True, "none": None}, "images")
    assert (len(tree), tree.shape, tree.ndim) == (6, (6,), 1)
    wide = tree[part].to(torch.float64, copy=True)
    assert wide.tree["flag"] is True
    assert wide.tree["none"] is None
    for before, after in zip(tensors, wide.tree["a"], strict=True):
        assert torch.equal(after, before[part].to(after.dtype))
        assert after.dtype == (torch.float64 if before.is_floating_point() else torch.int64)
        assert after is not before
    floats = any(is_float for is_float, _ in sizes)
    assert wide.dtype == (torch.float64 if floats else torch.float32)


def test_mappings_of_other_classes_are_keyword_arguments():
    tree = as_images(UserDict(x=noise(4, 2)))
    assert isinstance(tree, TensorTree)
    assert type(tree.tree) is dict


def test_nested_mappings_of_other_classes_are_cut_and_checked():
    x = noise(4, 2)
    nested = UserDict(inner=[MappingProxyType({"x": UserDict(deep=x.numpy())}), x])
    part = as_images(nested)[1:3]
    assert torch.equal(part.tree["inner"][0]["x"]["deep"], x[1:3])
    assert torch.equal(part.tree["inner"][1], x[1:3])
    with pytest.raises(NaswotError, match=r"numbers of examples \(0.x: float32 \(3, 2\), 1: "):
        as_images([UserDict(x=x[:3]), x])


def test_nested_inputs_reach_the_network():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 8)

        def forward(self, pair, more):
            return self.layer(torch.cat([*pair, more["x"][0]], 1)).relu()

    x = noise(8, 4)
    torch.manual_seed(0)
    network = Nested()
    plain = nn.Sequential(network.layer, nn.ReLU())
    assert (
        score(network, ([x[:, :1], x[:, 1:2]], {"x": (x[:, 2:],)})).value == score(plain, x).value
    )


def test_a_batch_measures_trees_too(sentences):
    batch = Batch(as_images(sentences), torch.arange(8) % CLASSES, CLASSES)
    torch.manual_seed(0)
    network = Sentences()
    before = [p.clone() for p in network.parameters()]
    found = measure(network, batch, [FAMILIES["naswot"]])["naswot"].value
    assert found == score(network, sentences).value
    assert all(map(torch.equal, before, network.parameters()))
    with pytest.raises(NaswotError, match=r"^zen: it needs inputs of floating point"):
        measure(network, batch, [FAMILIES["zen"]])
