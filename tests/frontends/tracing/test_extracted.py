"""Contractions taken out of networks compile, and compute what the network does: on the
architecture graph, in integers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from frontends.models.build import build  # noqa: E402
from frontends.models.catalogue import CATALOGUE  # noqa: E402
from frontends.torch_export.tracer import trace  # noqa: E402
from frontends.tracing.drafts import Input, product  # noqa: E402
from frontends.tracing.extract import _plain, extract, remarks  # noqa: E402
from frontends.tracing.nests import Nests, Term, Window  # noqa: E402
from frontends.yaml import load_text  # noqa: E402
from frontends.yaml.render import render_workload  # noqa: E402
from lego.designs import designs_of  # noqa: E402
from lego.diag import InternalError, LegoError  # noqa: E402
from lego.ir.constants import Constant  # noqa: E402
from lego.ir.formats import FLOAT32, INT8  # noqa: E402
from lego.ir.network import Network, Role  # noqa: E402
from lego.ir.operation import (  # noqa: E402
    Operation,
    Reduction,
)
from lego.program import configure  # noqa: E402
from sim.adg_sim import run_adg  # noqa: E402
from tests.frontends.torch_export.windows import VIEWS, Together, chain  # noqa: E402
from tests.frontends.tracing import extracted  # noqa: E402
from tests.frontends.tracing.extracted import check, contractions, shape_of, structure_of  # noqa: E402

TINY = [entry.name for entry in CATALOGUE if entry.name.endswith("_tiny")]
SOME = (
    "segformer_tiny",
    "coatnet_tiny",
    "llama_decode_tiny",
    "sparserefine_unet_tiny",
    "can_linear_tiny",
    "can_depthwise_tiny",
    "can_patch_embed_tiny",
    "hart_between_tiny",
)
"""Networks that are traced fast; they have 34 of the 86 structures that all have."""
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
LOOPS = 12
"""Of an operation of a workload file."""


def network_of(name: str) -> Network:
    sample = build(name)
    return trace(sample.module, sample.args, sample.kwargs, name=name).network


def distinct(
    operations: Iterable[Operation], key: Callable[[Operation], object]
) -> list[Operation]:
    found: dict[object, Operation] = {}
    for op in operations:
        found.setdefault(key(op), op)
    return list(found.values())


@pytest.mark.parametrize("name", SOME)
def test_contractions_of_tiny_networks(name: str) -> None:
    network = network_of(name)
    for seed, op in enumerate(distinct(contractions(network), structure_of)):
        check(network, op, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_every_contraction_of_every_tiny_network(name: str) -> None:
    network = network_of(name)
    for seed, op in enumerate(distinct(contractions(network), shape_of)):
        check(network, op, seed)


def of_chains(seed: int, count: int) -> int:
    """Convolutions of all kinds after views; says how many were checked."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        axes = rng.choice([1, 2, 2, 3])
        views = [v for v in VIEWS if axes == 2 or v not in ("nearest", "shuffled", "unshuffled")]
        name = f"conv{rng.choice(['', '_transpose'])}{axes}d"
        made.append(chain(f"{seed}-{number}", [rng.choice(views), name]))
    network = trace(Together(made), [each.x for each in made]).network
    fitting = [op for op in contractions(network) if len(op.loops) <= LOOPS]
    for op in fitting:
        check(network, op, seed)
    return len(fitting)


def test_convolutions_after_views() -> None:
    assert of_chains(0, 24) >= 18


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 21))
def test_more_convolutions_after_views(seed: int) -> None:
    assert of_chains(seed, 32) >= 20


class Called(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def whole(*shape: int) -> Any:
    values = np.random.default_rng(sum(shape)).integers(-128, 128, shape)
    return torch.tensor(values.tolist()).double().reshape(shape)


def transposed(*args: Any, **named: Any) -> Called:
    return Called(lambda x, w: nn.functional.conv_transpose2d(x, w, *args, **named))


X, W, ONE = whole(1, 4, 5, 6), whole(4, 6, 3, 3), whole(1, 1)
BY_HAND: dict[str, tuple[Any, list[Any], str]] = {
    "clipped": (
        transposed(stride=2, padding=1, output_padding=1),
        [X, W],
        "The network keeps Y[:, :, :, 1:11, 1:13]; it drops what is written outside.",
    ),
    "beyond": (transposed(stride=3, output_padding=2), [X, W], ""),
    "all": (transposed(stride=2), [X, W], ""),
    "one": (Called(nn.functional.linear), [ONE, ONE], ""),
    "one_row": (Called(nn.functional.linear), [whole(1), ONE], ""),
    "number": (Called(torch.dot), [whole(1), whole(1)], ""),
    "dot": (Called(torch.dot), [whole(9), whole(9)], ""),
    "repeated": (
        Called(lambda a, b: a.expand(3, 5) @ b.expand(5, 4)),
        [ONE, ONE],
        "Each value is added 5 times: no index follows these loops.",
    ),
    "repeated_one": (
        Called(lambda a, b: a.expand(1, 5) @ b.expand(5, 1)),
        [ONE, ONE],
        "Each value is added 5 times: no index follows these loops.",
    ),
}


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_what_pytorch_computes(name: str) -> None:
    """The operands are whole tensors, so that nothing but the workload says what is computed; the
    remark says which part is kept."""
    module, args, said = BY_HAND[name]
    network = trace(module, args).network
    (op,) = contractions(network)
    check(network, op)
    assert remarks(network, op.name) == ([said] if said else [])
    workload = load_text(render_workload(extract(network, op.name)))
    operands = {
        n: x.long().numpy().reshape(workload.network.buffer(n).shape)
        for n, x in zip("AB", args, strict=True)
    }
    adg = designs_of(workload)[0].layers[0].adg
    shapes = {tensor.name: tensor.shape for tensor in workload.network.buffers}
    found = run_adg(adg, configure(adg, shapes=shapes), operands)
    values = np.where(found.written, found.values, 0)
    if "keeps" in said:
        rows, columns = said.split("]")[0].split(", ")[-2:]
        values = values[
            ..., slice(*map(int, rows.split(":"))), slice(*map(int, columns.split(":")))
        ]
    wanted = module(*args).long().numpy()
    np.testing.assert_array_equal(values.reshape(wanted.shape), wanted)


def test_the_check_sees_a_wrong_part(monkeypatch: pytest.MonkeyPatch) -> None:
    module, args, said = BY_HAND["clipped"]
    network = trace(module, args).network
    (op,) = contractions(network)
    monkeypatch.setattr(extracted, "remarks", lambda *_: [said.replace("1:13", "0:12")])
    with pytest.raises(AssertionError, match="not equal"):
        check(network, op)


def pooled(pad: int) -> Network:
    made = Nests("n")
    x = made.declare("x", (6,), INT8, Role.INPUT)
    terms = [Term(x, (Window(((2, "y"), (1, "f")), -1),), pad=pad)]
    sizes = {"y": 3, "f": 3}
    made.nest("pool", "test", ("y",), INT8, terms, Input(0), Reduction.MAX, sizes=sizes)
    return made.network(["x"], ["pool.out"])


def test_padding_of_integers() -> None:
    for pad in (-128, 3):
        workload = load_text(render_workload(extract(pooled(pad), "pool")))
        assert workload.operations[0].inputs[0].pad == Constant(pad, INT8)
    for pad in (200, 0.5):
        with pytest.raises(InternalError):
            pooled(pad)  # type: ignore[arg-type]


def test_padding_with_a_fraction_is_no_workload() -> None:
    made = Nests("n")
    x, w = (made.declare(name, (6,), FLOAT32, Role.INPUT) for name in "xw")
    terms = [Term(x, (Window(((1, "y"), (1, "f"))),), pad=0.5), Term(w, ("f",))]
    body, sizes = product(0, 1), {"y": 6, "f": 6}
    made.nest("conv", "test", ("y",), FLOAT32, terms, body, Reduction.ADD, sizes=sizes)
    with pytest.raises(LegoError, match="outside of its operand, no integer"):
        extract(made.network(["x", "w"], ["conv.out"]), "conv")


def test_what_reads_nothing_is_no_workload() -> None:
    made = Nests("n")
    made.filled(made.declare("y", (3,), INT8, Role.RESULT), "fill", "test")
    with pytest.raises(LegoError, match="isn't a contraction"):
        extract(made.network([], ["y"]), "fill")


NAMES = {
    "layer1.0.conv2.conv2d": "layer1_0_conv2_conv2d",
    "0.linear": "op_0_linear",
    "a_very.long_path.of_modules.that.goes.on": "path_of_modules_that_goes_on",
    "my__block_.linear_": "my_block_linear",
    "input": "my_input",
    "host_side": "my_host_side",
    "größe.linear": "gr_e_linear",
    "x" * 40: "x" * 31,
    "_._": "op",
    "done": "my_done",
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names(name: str) -> None:
    assert _plain(name) == NAMES[name]
