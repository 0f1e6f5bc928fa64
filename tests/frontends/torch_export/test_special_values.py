"""Every operator on NaN, infinities, zeros of both signs, subnormal and very large numbers, ties,
rows that are masked or equal throughout, against PyTorch itself.

Not compared, as PyTorch doesn't define it: sums of finite numbers that overflow on the way, casts
of what no integer is, the sign of a zero that is a maximum or minimum of both, weights of
convolutions that aren't finite under padding (PyTorch's dense kernels multiply them by the
padding's zeros, its depthwise ones don't), a product that `addmm` scales by 0, keys that aren't
finite and that a causal mask hides (its kernels differ; ours don't see them). Attention is that of
PyTorch's formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

from frontends.torch_export.registry import HANDLERS  # noqa: E402
from frontends.torch_export.tracer import trace  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from sim.bit_true import BIT_TRUE  # noqa: E402
from sim.compare import given_to  # noqa: E402
from sim.network import FLOAT, execute  # noqa: E402
from tests.frontends.torch_export.special import apart  # noqa: E402
from tests.frontends.torch_export.special_arranging import ARRANGING  # noqa: E402
from tests.frontends.torch_export.special_operands import ATEN, Case, Cases, leaves  # noqa: E402
from tests.frontends.torch_export.special_pointwise import POINTWISE  # noqa: E402
from tests.frontends.torch_export.special_products import PRODUCTS  # noqa: E402
from tests.frontends.torch_export.special_rows import ROWWISE  # noqa: E402

CASES: dict[str, Cases] = POINTWISE | ROWWISE | PRODUCTS | ARRANGING
LOOSE_ZERO = {
    "gelu", "relu", "relu6", "clamp", "clamp_min", "hardtanh", "maximum", "minimum", "amax", "amin",
    "max", "min", "max_pool1d", "max_pool2d", "max_pool3d", "topk", "hardsigmoid", "hardswish",
    "silu",
}  # fmt: skip
"""The sign of their zeros is their kernel's affair: of maxima of both zeros, or of what underflows."""
ONE_BY_ONE = {"gelu"}
"""Of infinity, its kernel for many elements gives NaN where the processor has AVX-512, and that for
one gives infinity."""
LOOSE_INFINITY = {"upsample_bilinear2d", "upsample_bicubic2d"}
"""Whether an infinite pixel gives an infinity or NaN depends on how a kernel writes weights of 0 and 1."""

SKIPPED = {
    "empty_like": "what it holds isn't defined",
    **dict.fromkeys(("float", "half", "bfloat16"), "exported as `to`"),
}
OVERLOADS = {
    "softmax": "int",
    "log_softmax": "int",
    "sum": "dim_IntList",
    "mean": "dim",
    "any": "dim",
    "max": "dim",
    "min": "dim",
    "movedim": "int",
    "squeeze": "default",
    "transpose": "int",
    "flatten": "using_ints",
    "unflatten": "int",
}


def named(base: str) -> Any:
    """The operator, its overload chosen by the operands."""
    packet = getattr(ATEN, base)
    return getattr(packet, OVERLOADS[base]) if base in ("softmax", "log_softmax") else packet


class Call(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def different(base: str, case: Callable[[Any], Case]) -> list[str]:
    """What the loop nests of a case get wrong, in PyTorch's arithmetic and in the stated one."""
    function, operands = case(named(base))
    module = Call(function).eval()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        wanted = leaves(module(*operands))
        if base in ONE_BY_ONE:
            (x,) = operands
            wanted = [torch.stack([module(each) for each in x.flatten()]).reshape(x.shape)]
    traced = trace(module, operands)
    sources = {
        str(node.target).split(".")[1]
        for node in traced.program.graph.nodes
        if node.op == "call_function" and "." in str(node.target)
    }
    assert base in sources, f"{base} isn't among {sorted(sources)}"
    found = []
    for arithmetic in (FLOAT, BIT_TRUE):
        values = execute(
            traced.network, given_to(traced, module, operands, {}), arithmetic=arithmetic
        )
        for buffer, want in zip(traced.network.outputs, wanted, strict=True):
            said = apart(
                values[buffer],
                want,
                zeros=base not in LOOSE_ZERO,
                infinite=base not in LOOSE_INFINITY,
            )
            if said:
                found.append(f"{'float' if arithmetic is FLOAT else 'bit-true'}: {said}")
    return found


@pytest.mark.parametrize("base", CASES)
def test_an_operator_gives_what_pytorch_gives_at_special_values(base: str) -> None:
    wrong = {k: different(base, case) for k, case in enumerate(CASES[base])}
    assert {k: said for k, said in wrong.items() if said} == {}


def test_every_operator_is_among_the_cases() -> None:
    assert {name.split(".")[0] for name in HANDLERS} == set(CASES) | set(SKIPPED)


EMPTY: dict[str, Callable[[Any], Any]] = {
    "relu": F.relu,
    "where": lambda x: torch.where(x > 0, x, 1.0),
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(0),
    "sum": lambda x: x.sum(0),
    "sum_last": lambda x: x.sum(-1),
    "sum_all": lambda x: x.sum(),
    "mean": lambda x: x.mean(-1),
    "mean_all": lambda x: x.mean(),
    "any": lambda x: x.any(0),
    "amax": lambda x: x.amax(0),
    "argmax": lambda x: x.argmax(0),
    "cumsum": lambda x: x.cumsum(0),
    "sort": lambda x: x.sort(-1),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=0),
    "var": lambda x: x.var(0, correction=0),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "matmul": lambda x: x @ x.mT,
    "matmul_inner": lambda x: x.mT @ x,
    "linear": lambda x: F.linear(x, torch.ones(3, x.shape[-1]), torch.ones(3)),
    "cat": lambda x: torch.cat([x, torch.ones(2, *x.shape[1:])]),
    "pad": lambda x: F.pad(x, (1, 1), value=2.0),
    "index": lambda x: x[:, torch.zeros(0, dtype=torch.long)],
    "slice": lambda x: x[1:] * 2,
    "flip": lambda x: x.flip(0) * 1,
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]),
    "cast": lambda x: x.to(torch.float16),
    "roll": lambda x: x.roll(1, 0),
    "sum_of_whole": lambda x: (x > 0).sum(),
}


@pytest.mark.filterwarnings("ignore:var:UserWarning", "ignore:Tensor.mT:UserWarning")
@pytest.mark.parametrize("name", EMPTY)
def test_tensors_without_elements_or_dimensions_are_right_or_refused(name: str) -> None:
    for shape in ((0, 4), (4, 0), (0, 0), (3, 0, 2), ()):
        module, x = Call(EMPTY[name]).eval(), torch.ones(shape)
        try:
            with torch.no_grad():
                wanted = leaves(module(x))
        except (IndexError, RuntimeError):
            continue  # PyTorch has no result either
        try:
            traced = trace(module, [x])
        except LegoError as error:
            assert error.code in ("E401", "E402")
            continue
        values = execute(traced.network, given_to(traced, module, [x], {}))
        for buffer, want in zip(traced.network.outputs, wanted, strict=True):
            assert apart(values[buffer], want, zeros=True) == "", shape


@pytest.mark.parametrize("way", [torch.remainder, torch.floor_divide])
def test_an_integer_divided_by_zero_is_an_error_of_the_run(way: Callable[..., Any]) -> None:
    module, args = Call(way), [torch.tensor([3, -4]), torch.tensor([2, 0])]
    traced = trace(module, [args[0], torch.tensor([1, 2])])
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        module(*args)
    for arithmetic in (FLOAT, BIT_TRUE):
        with pytest.raises(LegoError, match="by zero") as caught:
            execute(traced.network, given_to(traced, module, args, {}), arithmetic=arithmetic)
        assert caught.value.code == "E432"


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5),
        lambda x: F.dropout(x, 0.5, training=True),
    ],
)
def test_what_draws_numbers_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(LegoError, match="dropout") as caught:
        trace(Call(function), [torch.ones(1, 2, 3, 4)])
    assert caught.value.code == "E402"
