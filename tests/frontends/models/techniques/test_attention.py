"""DuoAttention's and Quest's decode and prefill against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frontends.models.techniques.duo import Duo, window  # noqa: E402
from frontends.models.techniques.kv4 import Kv4, Plain  # noqa: E402
from frontends.models.techniques.quest import Quest  # noqa: E402
from lego.ir.kinds import Kind, kind_of  # noqa: E402
from tests.frontends.models.techniques import reference_attention as reference  # noqa: E402
from tests.frontends.models.techniques.layers import run  # noqa: E402
from tests.frontends.models.techniques.ulps import BOUNDS, apart  # noqa: E402

SCALE = 0.25


def distance(found: Any, want: Any) -> float:
    """Outputs are weighted sums of values of both signs: their unit is that of the largest in the
    head's row."""
    return apart(found, want, of="row")


def drawn(*shape: int, seed: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tensors(length: int) -> tuple[Any, Any, Any]:
    """Queries of four heads for the last token, keys and values of two."""
    return (
        drawn(1, 4, 1, 16, seed=1),
        drawn(1, 2, length, 16, seed=2),
        drawn(1, 2, length, 16, seed=3),
    )


class Step(torch.nn.Module):
    """What one layer does with a new token."""

    def __init__(self, scheme: Any, layer: int) -> None:
        super().__init__()
        self.scheme, self.layer = scheme, layer

    def forward(self, query: Any, keys: Any, values: Any, key: Any, value: Any) -> Any:
        return self.scheme.step(keys, values, key, value, self.layer).attend(query, SCALE)


def stepped(scheme: Any, length: int, layer: int = 5) -> tuple[Any, list[Any]]:
    """Step and arguments: all but the last token are held."""
    q, k, v = tensors(length)
    held = scheme.keys(k[:, :, :-1], layer), scheme.values(v[:, :, :-1], layer)
    return Step(scheme, layer), [q, *held, k[:, :, -1:], v[:, :, -1:]]


def wanted(length: int, keeps: Any) -> Any:
    """Every query head's output, given which tokens it reads."""
    q, k, v = (x[0].numpy() for x in tensors(length))
    return np.stack(
        [
            reference.softmax_over(
                q[h, 0], k[h // 2], v[h // 2], keeps(h, q[h, 0], k[h // 2]), SCALE
            )
            for h in range(4)
        ]
    )


@pytest.mark.parametrize("length", [1 + 5, 1 + 12, 1 + 13, 1 + 40])
def test_a_head_of_few_tokens_reads_what_a_rolling_cache_holds(length: int) -> None:
    """From before the cache is full to long after: one token more than `recent`."""
    step, args = stepped(Duo(4, 8, Plain()), length)
    last = reference.rolling(length, 4, 8)[-1]
    few = np.isin(np.arange(length), last)
    assert few.sum() == min(length, 13)
    want = wanted(length, lambda h, *_: np.ones(length, bool) if h < 2 else few)
    assert distance(step(*args)[0, :, 0], want) <= BOUNDS["attention decode"]
    traced, values = run(step, *args)
    assert distance(values[traced.network.outputs[0]][0, :, 0], want) <= BOUNDS["attention decode"]
    reads = {
        loop.extent
        for op in traced.network.operations
        if kind_of(op) is Kind.ARRAY
        for loop in op.loops
    }
    assert {length, min(length, 13)} <= reads


class Prompt(torch.nn.Module):
    """What one layer does with a prompt."""

    def forward(self, query: Any, keys: Any, values: Any) -> Any:
        return Duo(4, 8, Plain()).prefill(keys, values, 0).attend(query, SCALE)


def test_prefill_masks_as_training_does() -> None:
    assert np.array_equal(window(30, 4, 8).numpy(), reference.in_training(30, 4, 8))
    q, (_, k, v) = drawn(1, 4, 30, 16, seed=7), tensors(30)
    found = Prompt()(q, k, v)[0]
    traced, values = run(Prompt(), q, k, v)
    ours = values[traced.network.outputs[0]][0]
    keeps = [np.tril(np.ones((30, 30), bool)), reference.in_training(30, 4, 8)]
    for h in range(4):
        for i in range(30):
            want = reference.softmax_over(
                q[0, h, i].numpy(),
                k[0, h // 2].numpy(),
                v[0, h // 2].numpy(),
                keeps[h // 2][i],
                SCALE,
            )
            for each in (found, ours):
                assert distance(each[h, i], want) <= BOUNDS["attention prefill"]


QUEST = Quest(page=4, pages=3, dense=2, numbers=Plain())


@pytest.mark.parametrize("length", [33, 36, 37, 12, 6])
def test_a_query_reads_the_pages_with_the_highest_bounds(length: int) -> None:
    """With a last page of every filling, and where all pages are read."""
    step, args = stepped(QUEST, length)

    def keeps(head: int, q: Any, k: Any) -> Any:
        pages, _ = reference.pages_read(q, k, 4, 3)
        return np.isin(np.arange(length) // 4, sorted(pages))

    want = wanted(length, keeps)
    assert distance(step(*args)[0, :, 0], want) <= BOUNDS["attention decode"]
    traced, values = run(step, *args)
    assert distance(values[traced.network.outputs[0]][0, :, 0], want) <= BOUNDS["attention decode"]
    assert not traced.network.calls


def test_the_chosen_tokens_are_the_references() -> None:
    step, (q, keys, values, key, value) = stepped(QUEST, 38)
    tokens = step.scheme.step(keys, values, key, value, 5).chosen(q)
    _, k, _ = tensors(38)
    for h in range(4):
        query, held = q[0, h, 0].double(), k[0, h // 2].double()
        pages, bounds = reference.pages_read(query.numpy(), held.numpy(), 4, 3)
        assert set(tokens[0, h].tolist()) == {t for t in range(38) if t // 4 in pages}
        products = (held @ query).numpy()
        assert all(products[t] <= bounds[t // 4] + 1e-12 for t in range(38))


@pytest.mark.parametrize("length", [37, 100])
def test_first_layers_read_everything(length: int) -> None:
    step, args = stepped(QUEST, length, layer=1)
    want = wanted(length, lambda *_: np.ones(length, bool))
    traced, values = run(step, *args)
    assert distance(values[traced.network.outputs[0]][0, :, 0], want) <= BOUNDS["attention decode"]
    assert distance(step(*args)[0, :, 0], want) <= BOUNDS["attention decode"]


def test_pages_of_keys_in_four_bits() -> None:
    """The extremes are of what is read back, so the bound holds for it."""
    kv4 = Kv4()
    scheme = Quest(page=4, pages=3, dense=2, numbers=kv4)
    step, (q, keys, values, key, value) = stepped(scheme, 37)
    back = kv4.decode(keys[0], key)
    assert torch.equal(keys[1][1][0, 0, 0], back[0, 0, :4].amax(0))
    assert [part.dtype for part in keys[0]] == [torch.int8, torch.float16, torch.float16]
    traced, found = run(step, q, keys, values, key, value)
    want = step(q, keys, values, key, value)
    assert distance(found[traced.network.outputs[0]], want) <= BOUNDS["attention kv4"]
    looked = [op for op in traced.network.operations if any(p.indirect for p in op.inputs)]
    read = {
        str(traced.network.buffer(op.inputs[1].buffer).format)
        for op in looked
        if op.source == "aten.gather.default"
    }
    assert read == {"int8", "float16"}
