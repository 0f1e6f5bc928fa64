"""Every look-up at every rank, axis, sign and source of its indices, against PyTorch itself: where
that raises, a run (or the trace, if the indices are known) says so, and never gives another
element's value."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from frontends.torch_export.tracer import Traced, trace  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from sim.bit_true import BIT_TRUE  # noqa: E402
from sim.compare import given_to  # noqa: E402
from sim.network import FLOAT, execute  # noqa: E402

SIZES = (3, 5, 4)


def brackets(x: Any, axis: int, i: Any) -> Any:
    return x[(*[slice(None)] * axis, i)]


def brackets_of_two(x: Any, axis: int, i: Any) -> Any:
    """Two neighbouring dimensions, the second by as many indices of its own."""
    return x[(*[slice(None)] * axis, i % 2 - 1, i)]


def shaped(function: Callable[..., Any]) -> Callable[..., Any]:
    """An index of the operand's rank: as many elements along the axis, fewer along the others."""

    def call(x: Any, axis: int, i: Any) -> Any:
        shape = [i.numel() if k == axis else max(1, n - 1) for k, n in enumerate(x.shape)]
        wide = i.reshape([-1 if k == axis else 1 for k in range(x.dim())]).expand(shape)
        return function(x, axis, wide)

    return call


LOOKUPS: dict[str, Callable[..., Any]] = {
    "brackets": brackets,
    "brackets_of_table": lambda x, axis, i: brackets(x, axis, i.reshape(2, 2)),
    "brackets_of_two": brackets_of_two,
    "index_select": lambda x, axis, i: x.index_select(axis, i),
    "gather": shaped(lambda x, axis, i: x.gather(axis, i)),
    "take_along_dim": lambda x, axis, i: torch.take_along_dim(
        x, i.long().reshape([-1 if k == axis else 1 for k in range(x.dim())]), axis
    ),
    "take_along_all": lambda x, axis, i: torch.take_along_dim(x, i.long()),
    "take": lambda x, axis, i: x.take(i.long().reshape(2, 2)),
    "embedding": lambda x, axis, i: nn.functional.embedding(i, x),
    "of_a_view": lambda x, axis, i: brackets(x.flip(0).transpose(0, -1), x.dim() - 1 - axis, i) * 2,
}
RANKS = {"brackets_of_two": (2, 3), "embedding": (2,)}
SOURCES = ("constant", "input", "computed")
INDICES = {
    "ahead": (0, 1, 2, 1),
    "back": (-1, -3, -2, -1),
    "mixed": (-3, 2, 0, -1),
    "above": (0, 9, 1, 9),
    "below": (0, -4, 1, -99),
}


class LookUp(nn.Module):
    """An operator along an axis, its indices held, given or computed."""

    def __init__(self, name: str, axis: int, held: Any, *, computed: bool) -> None:
        super().__init__()
        self.function, self.axis, self.computed = LOOKUPS[name], axis, computed
        self.register_buffer("held", held)

    def forward(self, x: Any, given: Any = None) -> Any:
        i = self.held if given is None else given * 3 - given * 2 if self.computed else given
        return self.function(x, self.axis, i)


def cases() -> Iterator[tuple[str, int, int, str, str]]:
    for name in LOOKUPS:
        for rank in RANKS.get(name, (1, 2, 3)):
            axes = rank - 1 if name == "brackets_of_two" else 1 if name == "embedding" else rank
            for axis, source, dtype in itertools.product(range(axes), SOURCES, ("int32", "int64")):
                yield name, rank, axis, source, dtype


EVERY = list(cases())


def operand(rank: int, axis: int) -> Any:
    """The axis that is indexed has 3 elements, so that all operands take the same indices."""
    shape = list(SIZES[:rank])
    shape[0], shape[axis] = shape[axis], shape[0]
    values = np.random.default_rng(rank).permutation(int(np.prod(shape))).astype("float32")
    return torch.tensor(values.reshape(shape).tolist())


def expected(module: nn.Module, args: list[Any]) -> Any:
    try:
        return module(*args)
    except (IndexError, RuntimeError):
        return None


def judged(traced: Traced, module: nn.Module, args: list[Any]) -> None:
    wanted = expected(module, args)
    for arithmetic in (FLOAT, BIT_TRUE):
        given = given_to(traced, module, args, {})
        if wanted is None:
            with pytest.raises(LegoError, match=r"index -?[0-9]+ is outside") as caught:
                execute(traced.network, given, arithmetic=arithmetic)
            assert caught.value.code == "E431"
        else:
            found = execute(traced.network, given, arithmetic=arithmetic)[traced.network.outputs[0]]
            assert found.dtype == wanted.dtype
            assert torch.equal(found, wanted)


def looks_up(
    name: str, rank: int, axis: int, source: str, dtype: str, signs: tuple[str, ...]
) -> None:
    x = operand(rank, axis)
    tables = [torch.tensor(INDICES[sign], dtype=getattr(torch, dtype)) for sign in signs]
    if source != "constant":
        module = LookUp(name, axis, None, computed=source == "computed")
        traced = trace(module, [x, tables[0]])
        for table in tables:
            judged(traced, module, [x, table])
        return
    for table in tables:
        module = LookUp(name, axis, table, computed=False)
        if expected(module, [x]) is None:
            with pytest.raises(LegoError, match=r"outside|out of") as caught:
                trace(module, [x])
            assert caught.value.code in ("E401", "E402")
        else:
            judged(trace(module, [x]), module, [x])


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_look_up_finds_what_pytorch_finds_or_says_that_nothing_is_there(name: str) -> None:
    """Every rank, axis and source; integers of 32 and 64 bits by turns, and one table of those that
    are held."""
    mine = [case for case in EVERY if case[0] == name]
    for k, (_, rank, axis, source, dtype) in enumerate(mine):
        if k % 2 == k // 2 % 2:
            every = tuple(INDICES)
            chosen = (every[k // 2 % len(every)],) if source == "constant" else every
            looks_up(name, rank, axis, source, dtype, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=lambda case: "-".join(map(str, case)))
def test_every_combination_of_look_ups(case: tuple[str, int, int, str, str]) -> None:
    looks_up(*case, tuple(INDICES))


def test_indices_of_unsigned_numbers_are_masks() -> None:
    """As PyTorch reads them: their shape depends on values, so a trace refuses."""

    class Masked(nn.Module):
        def forward(self, x: Any, i: Any) -> Any:
            return x[i]

    with pytest.raises(LegoError) as caught:
        trace(Masked(), [torch.ones(3), torch.tensor([1, 0, 1], dtype=torch.uint8)])
    assert caught.value.code in ("E401", "E402")
