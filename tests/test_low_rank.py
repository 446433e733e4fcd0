"""An encoder as what training changed, in matrices of low rank."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from frozen_jobs import trained
from relsym import SymmetryModel
from relsym.app import hub
from relsym.encoders import low_rank
from relsym.encoders.load import tiny_encoder
from relsym.encoders.low_rank import add_changes, load_low_rank, low_rank_tensors, write_low_rank
from relsym.encoders.pooling.registry import pooling_named

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
PLACE = Path("x")


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {
        "embeddings.words": torch.randn(50, 8, generator=random),
        "layer.weight": torch.randn(8, 12, generator=random),
        "layer.bias": torch.randn(12, generator=random),
    }


def test_a_change_of_low_rank_is_kept_but_for_digits():
    base = weights()
    changed = {name: tensor.clone() for name, tensor in base.items()}
    random = torch.Generator().manual_seed(1)
    changed["layer.weight"] += (
        0.1 * torch.randn(8, 2, generator=random) @ torch.randn(2, 12, generator=random)
    )
    changed["layer.bias"] += 0.5
    tensors = low_rank_tensors(changed, base, 2)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "layer.weight.left": (8, 2),
        "layer.weight.left_scale": (2,),
        "layer.weight.right": (2, 12),
        "layer.weight.right_scale": (2,),
        "layer.bias.difference": (12,),
    }
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16, torch.int8}
    again = {name: tensor.clone() for name, tensor in base.items()}
    add_changes(again, tensors, PLACE)
    for name, tensor in again.items():
        assert torch.allclose(tensor, changed[name], atol=5e-3)


def test_of_a_change_of_full_rank_the_largest_part_is_kept():
    base, changed = weights(), weights(1)
    lost = {}
    for rank in (1, 4, 8):
        again = {name: tensor.clone() for name, tensor in base.items()}
        add_changes(again, low_rank_tensors(changed, base, rank), PLACE)
        lost[rank] = float((again["layer.weight"] - changed["layer.weight"]).norm())
        values = torch.linalg.svdvals(changed["layer.weight"] - base["layer.weight"])
        assert lost[rank] == pytest.approx(float(values[rank:].norm()), abs=0.2)
    assert lost[1] > lost[4] > lost[8]


def test_embeddings_get_a_sixth_of_the_rank_and_one_at_least():
    base, changed = weights(), weights(1)
    for rank, of_embeddings in ((2, 1), (6, 1), (12, 2)):
        tensors = low_rank_tensors(changed, base, rank)
        assert tensors["embeddings.words.left"].shape == (50, of_embeddings)


def test_sums_are_exact_so_that_every_processor_makes_the_same_weights():
    random = torch.Generator().manual_seed(0)
    change = torch.randn(384, 384, generator=random) @ torch.diag(0.95 ** torch.arange(384))
    base = {"w": torch.randn(384, 384, generator=random)}
    tensors = low_rank_tensors({"w": base["w"] + 0.01 * change}, base, 96)
    sums = []
    for order in (torch.arange(96), torch.randperm(96, generator=random)):
        again = {"w": base["w"].clone()}
        parts = {
            name: tensor[:, order] if name == "w.left" else tensor[order] for name, tensor in tensors.items()
        }
        add_changes(again, parts, PLACE)
        sums.append(again["w"])
    assert torch.equal(*sums)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"other": torch.zeros(2)}, "only one of the two encoders has it"),
        ({**weights(), "layer.bias": torch.zeros(3)}, r"layer.bias: \[3\], and \[12\] before training"),
        ({**weights(), "layer.bias": torch.full((12,), 1e6)}, "numbers beyond fp16"),
    ],
)
def test_weights_that_did_not_come_of_the_others_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        low_rank_tensors(changed, weights(), 2)


def factors(left: int, rank: int, right: int) -> dict[str, torch.Tensor]:
    return {
        "layer.weight.left": torch.zeros(left, rank, dtype=torch.int8),
        "layer.weight.left_scale": torch.zeros(rank).half(),
        "layer.weight.right": torch.zeros(rank, right, dtype=torch.int8),
        "layer.weight.right_scale": torch.zeros(rank).half(),
    }


def without(name: str) -> dict[str, torch.Tensor]:
    return {key: tensor for key, tensor in factors(8, 2, 12).items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"other.difference": torch.zeros(12)}, "other: the encoder has no such weight"),
        ({"difference": torch.zeros(12)}, "the encoder has no such weight"),
        ({"layer.bias.more": torch.zeros(12)}, "layer.bias: what stands there is no change: .more"),
        ({"layer.bias.difference": torch.full((12,), torch.nan)}, "layer.bias: the change holds NaN"),
        (factors(10**6, 1, 10**6), r"the change is of the shape \[1000000, 1000000\], and it has"),
        ({"layer.bias.difference": torch.zeros(3)}, r"layer.bias: the change is of the shape \[3\]"),
        *((without(name), "layer.weight: what stands there is no change") for name in factors(8, 2, 12)),
        (factors(8, 2, 12) | {"layer.weight.difference": torch.zeros(8, 12)}, "is no change"),
        (factors(8, 2, 12) | {"layer.weight.left": torch.zeros(8, 2)}, "is no change"),
        (factors(8, 2, 12) | {"layer.weight.right_scale": torch.zeros(3).half()}, "is no change"),
        (factors(8, 2, 12) | {"layer.weight.left": torch.zeros(2, dtype=torch.int8)}, "is no change"),
        (factors(7, 2, 12), r"the change is of the shape \[7, 12\], and it has \[8, 12\]"),
    ],
)
def test_changes_that_do_not_fit_are_refused(tensors, message):
    with pytest.raises(ValueError, match=message):
        add_changes(weights(), tensors, PLACE)


def test_files_that_hold_no_such_changes_are_refused(tmp_path):
    path = tmp_path / "low_rank.safetensors"
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match="damaged, or no safetensors file"):
        load_low_rank(path, pooling_named("mean"), None, None)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="no low-rank weights of relsym"):
        load_low_rank(path, pooling_named("mean"), None, None)
    write_low_rank(path, {"a.difference": torch.zeros(2)}, "\x1babc")
    with pytest.raises(ValueError, match=r"have the SHA-256 \\x1babc, and none that is known has"):
        load_low_rank(path, pooling_named("mean"), None, None)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    """A run of fixed labels, which began with an encoder that is known."""
    monkeypatch.setitem(low_rank.BASES, "0" * 64, tiny_encoder)
    monkeypatch.setitem(low_rank.WEIGHTS_OF, None, "0" * 64)
    return trained(tmp_path / "run", "objective=fixed_label", "model.pooling=mean")


def test_a_run_that_was_made_small_answers_as_before(run, tmp_path, relsym):
    texts = ["Ann borders Bo.", "Bo is Ann's mother."]
    whole = SymmetryModel.load(run)
    whole.save_pretrained(tmp_path / "small", rank=64)
    small = tmp_path / "small"
    assert {path.name for path in small.iterdir()} == {
        "README.md", "config.yaml", "low_rank.safetensors", "probe.safetensors", "results.json",
    }  # fmt: skip
    model = SymmetryModel.from_pretrained(small)
    assert model.encode(texts) == pytest.approx(whole.encode(texts), abs=1e-2)
    assert model.predict([tuple(texts)]) == whole.predict([tuple(texts)])
    card = (small / "README.md").read_text(encoding="utf-8")
    assert "in matrices of low rank" in card
    assert "of the rows that it was scored on 100.0 % are the same here" in card
    assert "mean cosine of 1.000" in card
    # It is handed on as it is, and goes on as any run does.
    model.save_pretrained(tmp_path / "saved")
    assert "in matrices of low rank" in (tmp_path / "saved" / "README.md").read_text(encoding="utf-8")
    again = SymmetryModel.from_pretrained(tmp_path / "saved")
    assert (again.encode(texts) == model.encode(texts)).all()
    assert again.run.fingerprint() == model.run.fingerprint()
    with pytest.raises(ValueError, match="holds low-rank weights already"):
        model.save_pretrained(tmp_path / "smaller", rank=2)
    words = ("objective=fixed_label", "training.max_steps=1", "data.samples=8", "data.test_pairs=8")
    ended = relsym("train", "model=tiny", *words, f"init={small}", f"hydra.run.dir={tmp_path / 'more'}")
    assert ended.code == 0, ended.err


def test_a_small_rank_says_how_far_it_is_the_run(run, tmp_path):
    SymmetryModel.load(run).save_pretrained(tmp_path / "small", rank=1)
    card = (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\d\.\d % are the same here, and the vectors have a mean cosine of [01]\.\d{3}\.", card)


def test_low_rank_weights_that_cannot_be_read_are_refused(run, tmp_path, relsym):
    small = tmp_path / "small"
    SymmetryModel.load(run).save_pretrained(small, rank=4)
    (small / "low_rank.safetensors").write_bytes(b"PK")
    ended = relsym("predict", f"model.folder={small}", "--", "a", "b")
    assert ended.code == 1
    assert "low_rank.safetensors: damaged" in ended.err
    (small / "low_rank.safetensors").unlink()
    ended = relsym("predict", f"model.folder={small}", "--", "a", "b")
    assert "no finished run there (encoder missing)" in ended.err


@pytest.mark.parametrize("rank", [0, -1, True])
def test_what_is_no_rank_is_refused(run, tmp_path, rank):
    with pytest.raises(ValueError, match="expected a whole number, 1 at least, or None"):
        SymmetryModel.load(run).save_pretrained(tmp_path / "small", rank=rank)
    assert not (tmp_path / "small").exists()


def test_an_encoder_that_is_not_known_has_no_low_rank(tmp_path):
    run = trained(tmp_path / "run", "objective=fixed_label")
    with pytest.raises(ValueError, match="low-rank weights change an encoder that is known"):
        SymmetryModel.load(run).save_pretrained(tmp_path / "small", rank=4)
    assert not (tmp_path / "small").exists()


def test_what_the_hub_may_hold_is_fetched(run, tmp_path, monkeypatch):
    asked = []
    SymmetryModel.load(run).save_pretrained(tmp_path / "small", rank=4)

    def fetch(name, revision, allow_patterns):
        asked.extend(allow_patterns)
        return str(tmp_path / "small")

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    SymmetryModel.from_pretrained("me/small")
    assert "low_rank.safetensors" in asked
