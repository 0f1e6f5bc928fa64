"""LongVILA's ranks: run together, they compute what the language model computes on the whole sequence."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers", exc_type=ImportError)

import torch

from frontends.models.build import prepare
from frontends.models.parallel import PLANS, Plan, exchanged
from frontends.torch_export.tracer import trace
from lego.diag import InternalError
from lego.ir.messages import Pattern
from sim.ranks import execute_ranks

prepare()
hf = importlib.import_module("transformers")
configuration = importlib.import_module("frontends.models.transformers").configuration
rank_of = importlib.import_module("frontends.models.longvila").rank_of

pytestmark = pytest.mark.filterwarnings("ignore")
TOKENS, LAYERS = 32, 2
SHAPES = ((4, 1), (1, 4), (2, 2), (2, 1), (1, 2))


def language_model(dtype: torch.dtype) -> Any:
    torch.manual_seed(0)
    model = hf.Qwen2Model(configuration("qwen2")).to(dtype).eval()
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.2)
    return model


def whole(model: Any, x: Any) -> Any:
    """Its decoder layers on the whole sequence, causally; no final norm."""
    model.norm = torch.nn.Identity()
    with torch.no_grad():
        return model(inputs_embeds=x, use_cache=False).last_hidden_state


def plans(ring: int, ulysses: int) -> list[Plan]:
    return [Plan(ring, ulysses, r, TOKENS, LAYERS) for r in range(ring * ulysses)]


def prepared(plan: Plan, model: Any, x: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """A rank's network, messages, and what it has at the start."""
    sample = rank_of("qwen2", plan)
    module = sample.module.to(x.dtype).eval()
    module.layers.load_state_dict(model.layers.state_dict())
    own = x[:, plan.own_tokens()]
    args = (own, *sample.args[1:3], [each.to(x.dtype) for each in sample.args[3]])
    traced = trace(module, args)
    held = dict(module.named_parameters())
    given = {buffer: held[name].detach() for buffer, name in traced.parameters.items()}
    given |= traced.constants
    given |= dict(zip(traced.network.inputs[:3], args[:3], strict=True))
    return traced.network, exchanged(plan, traced.network), given


@pytest.mark.parametrize(("ring", "ulysses"), SHAPES)
def test_all_ranks_together_are_the_language_model(ring: int, ulysses: int) -> None:
    model = language_model(torch.float64)
    x = torch.randn(1, TOKENS, model.config.hidden_size, dtype=torch.float64)
    expected = whole(model, x)
    networks, messages, given = zip(
        *(prepared(plan, model, x) for plan in plans(ring, ulysses)), strict=True
    )
    values = execute_ranks(networks, messages, given)
    for plan, network, found in zip(plans(ring, ulysses), networks, values, strict=True):
        out = found[network.outputs[0]]
        torch.testing.assert_close(out, expected[:, plan.own_tokens()], rtol=1e-12, atol=1e-12)


def test_a_message_without_counterpart_is_found() -> None:
    model = language_model(torch.float32)
    x = torch.randn(1, TOKENS, model.config.hidden_size)
    networks, messages, given = zip(*(prepared(p, model, x) for p in plans(2, 1)), strict=True)
    sent = next(m for m in messages[0] if m.sends)
    kept = tuple(m for m in messages[0] if m is not sent)
    with pytest.raises(InternalError, match="no counterpart"):
        execute_ranks(networks, (kept, messages[1]), given)
    late = tuple(
        replace(m, operation=len(networks[0].steps)) if m is sent else m for m in messages[0]
    )
    with pytest.raises(InternalError, match="wait for each other"):
        execute_ranks(networks, (late, messages[1]), given)


@pytest.mark.parametrize(("ring", "ulysses"), SHAPES)
def test_every_token_is_held_once_and_work_is_even(ring: int, ulysses: int) -> None:
    ranks = plans(ring, ulysses)
    assert sorted(t for plan in ranks for t in plan.own_tokens()) == list(range(TOKENS))
    pairs = [sum(t + 1 for t in plan.group_tokens()) for plan in ranks]
    assert len(set(pairs)) == 1


@pytest.mark.parametrize("name", sorted(PLANS))
def test_who_sends_is_who_the_other_receives_from(name: str) -> None:
    plan = PLANS[name]
    for rank in range(plan.ranks):
        one = replace(plan, rank=rank)
        for slot in [*one.results(), *(slot for _, slot in one.forwarded())]:
            other = replace(plan, rank=slot.peer)
            assert replace(slot, peer=rank) in list(other.received())
            assert slot.peer != rank
    steps = plan.layers * (plan.ring - 1)
    rings = [s for s in plan.received() if s.pattern is Pattern.RING]
    assert len(rings) == 2 * steps
    assert len(list(plan.received())) - len(rings) == 4 * plan.layers * (plan.ulysses - 1)


@pytest.mark.parametrize(("tokens", "rank"), [(33, 0), (32, 4), (32, -1)])
def test_uneven_shards_are_refused(tokens: int, rank: int) -> None:
    with pytest.raises(InternalError, match="no plan"):
        Plan(4, 1, rank, tokens)
