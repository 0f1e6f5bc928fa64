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

import functools
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
from tests.torch_export.special import (  # noqa: E402
    IMAGE,
    INF,
    INTEGERS,
    NAN,
    PAIRS,
    REALS,
    ROWS,
    SMALL,
    TRUTH,
    apart,
    shuffled,
)

ATEN = torch.ops.aten
REAL = torch.tensor(REALS)
LEFT, RIGHT = (torch.tensor([pair[k] for pair in PAIRS]) for k in (0, 1))
WHOLE = torch.tensor(INTEGERS)
WHOLES = [w.flatten() for w in torch.meshgrid(WHOLE, WHOLE[1:], indexing="ij")]
BOOLS = [torch.tensor([pair[k] for pair in TRUTH]) for k in (0, 1)]
ROW = torch.tensor(ROWS)
COLUMNS = ROW.t().contiguous().reshape(2, 2, 16)
VOLUME = IMAGE[:, :, None].repeat(1, 1, 3, 1, 1)
MATRIX = shuffled(SMALL, 1, 3, 4, 5)
OTHER = shuffled(SMALL, 2, 3, 5, 4)
TAPS = torch.linspace(-1, 2, 108).reshape(3, 2, 3, 3, 2)
LINE = IMAGE[:, :, 2]
LOOSE_ZERO = {"gelu", "relu", "relu6", "clamp", "clamp_min", "hardtanh", "maximum", "minimum", "amax", "amin", "max", "min",
              "max_pool1d", "max_pool2d", "max_pool3d", "topk", "hardsigmoid", "hardswish", "silu"}  # fmt: skip
"""The sign of their zeros is their kernel's affair: of maxima of both zeros, or of what underflows."""
ONE_BY_ONE = {"gelu"}
"""Of infinity, its kernel for many elements gives NaN where the processor has AVX-512, and that for
one gives infinity."""
LOOSE_INFINITY = {"upsample_bilinear2d", "upsample_bicubic2d"}
"""Whether an infinite pixel gives an infinity or NaN depends on how a kernel writes weights of 0 and 1."""

Case = tuple[Callable[..., Any], list[Any]]


def one(*more: Any, operand: Any = REAL, **named: Any) -> Callable[[Any], Case]:
    return lambda op: (lambda *xs: op(*xs, *more, **named), [operand])


def two(left: Any = LEFT, right: Any = RIGHT, *more: Any, **named: Any) -> Callable[[Any], Case]:
    return lambda op: (lambda x, y: op(x, y, *more, **named), [left, right])


def by(*numbers: Any, operand: Any = REAL, **named: Any) -> list[Callable[[Any], Case]]:
    """The operator with each of these numbers as its second operand."""
    return [one(n, operand=operand, **named) for n in numbers]


def free(function: Callable[..., Any], *operands: Any) -> Callable[[Any], Case]:
    """A call that isn't the operator with these operands in front."""
    return lambda op: (function, list(operands))


NUMBERS = (0.0, 2.0, -3.0, 0.1, INF, -INF, NAN)
ROUND_OFF = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 3.5, 1e19, NAN, INF, -INF, -0.0])
STRIPES = torch.tensor(
    [[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1]]
).bool()
QUERY, KEY, VALUE = (
    shuffled([0.5, -1.0, 2.0, 0.1, -0.3], k, 2, 2, n, 3) for k, n in ((3, 5), (4, 4), (5, 4))
)
BAD_KEY = KEY.clone()
BAD_KEY[0, 0, 1], BAD_KEY[0, 1, 2, 0], BAD_KEY[1, 0, 3, 0] = NAN, INF, -INF
BAD_QUERY = QUERY.clone()
BAD_QUERY[:, :, 1, 0], BAD_QUERY[0, 1, 2] = -INF, NAN
BAD_VALUE = VALUE.clone()
BAD_VALUE[0, 0, 1, 0], BAD_VALUE[1, 1, 3, 2] = INF, NAN
FLOATS = torch.zeros(5, 4).masked_fill(~STRIPES, -INF)


def attended(*, mask: Any = None, given: bool = False, **named: Any) -> Callable[[Any], Case]:
    """Attention with special values; its mask is a constant, or an input."""
    operands = [BAD_QUERY, BAD_KEY, BAD_VALUE]

    def call(q: Any, k: Any, v: Any, m: Any = None) -> Any:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=m if given else mask, **named)

    return lambda op: (call, [*operands, mask] if given else operands)


def attention() -> list[Callable[[Any], Case]]:
    plain = [QUERY, KEY, VALUE]
    masks = [STRIPES, FLOATS, STRIPES[None, None].expand(2, 1, 5, 4), torch.zeros(5, 4).bool()]
    causal = functools.partial(F.scaled_dot_product_attention, is_causal=True)
    found = [
        attended(),
        attended(scale=0.0),
        free(lambda q, k, v: causal(q, k, v), QUERY, KEY, BAD_VALUE),
    ]
    for mask in masks:
        found += [attended(mask=mask), attended(mask=mask, given=True)]
        found.append(free(lambda q, k, v, mask=mask: F.scaled_dot_product_attention(q, k, v, mask), *plain))  # fmt: skip
        found.append(free(F.scaled_dot_product_attention, *plain, mask))
    few, many = (shuffled([0.5, -1.0, 2.0, 0.1], k, 2, h, n, 3) for k, h, n in ((6, 4, 6), (7, 2, 3)))  # fmt: skip
    wide = torch.tensor([[1, 0, 1], [0, 0, 0]] * 3).bool()
    found.append(free(lambda q, k: F.scaled_dot_product_attention(q, k, k, wide, enable_gqa=True), few, many))  # fmt: skip
    found.append(free(lambda q, k: F.scaled_dot_product_attention(q, k, k, is_causal=True, enable_gqa=True), few, many))  # fmt: skip
    each = STRIPES.repeat(2, 1, 1, 1)  # more queries than keys and values
    found.append(free(F.scaled_dot_product_attention, QUERY, KEY[:1], VALUE[:1], each))
    return found


def unary(*names: str) -> dict[str, list[Callable[[Any], Case]]]:
    return {name: [one()] for name in names}


def view(*more: Any, operand: Any = COLUMNS, **named: Any) -> list[Callable[[Any], Case]]:
    """What only arranges elements, before an operation so that there is a nest."""
    return [
        lambda op: (lambda x: [p * 1.0 for p in leaves(op(x, *more, **named))], [operand]),
    ]


def leaves(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


ROUNDING = [free(lambda x: x.round(), ROUND_OFF)]
BY_ROW = [one(1, operand=ROW), one(0, operand=ROW), one(1, True, operand=COLUMNS)]
LAYER = torch.tensor([1.0, 0.5, -2.0, 0.0])
CHANNEL = [torch.tensor([1.0, 0.0]), torch.tensor([0.5, -1.0]), torch.tensor([0.2, 0.3]), torch.tensor([1.0, 0.0])]  # fmt: skip

CASES: dict[str, list[Callable[[Any], Case]]] = {
    **unary("neg", "abs", "exp", "log", "sqrt", "rsqrt", "tanh", "erf", "sigmoid", "floor", "round", "logical_not",
            "square", "reciprocal", "sign", "log2", "relu", "relu6", "silu", "hardsigmoid", "hardswish", "positive", "alias"),
    **{name: [one(operand=REAL[(REAL.abs() < 2**30) | ~REAL.isfinite()])] for name in ("sin", "cos")},
    **{name: [two(), *by(*NUMBERS)] for name in ("mul", "lt", "le", "eq", "gt", "ge", "ne", "sub", "rsub")},
    **{name: [two(), two(*WHOLES)] for name in ("maximum", "minimum", "logical_and", "logical_or", "true_divide")},
    "add": [two(), *by(*NUMBERS), two(LEFT, RIGHT, alpha=0.5)],
    "remainder": [two(), *by(*NUMBERS), two(*WHOLES), *by(3, -7, operand=WHOLE)],
    "div": [two(), *by(*NUMBERS), *by(*NUMBERS, rounding_mode="floor"), two(rounding_mode="floor"), two(*WHOLES),
            two(*WHOLES, rounding_mode="floor"), free(lambda x: torch.div(x, 3, rounding_mode="floor"), WHOLE * (2**40 + 1)), one(0, operand=WHOLE)],
    "floor_divide": [two(), *by(*NUMBERS), two(*WHOLES), *by(3, -7, operand=WHOLE * (2**40 + 1)), free(lambda x: x // 0.1, torch.arange(-40.0, 40.0))],
    "pow": [two(), *by(*NUMBERS, 0.5, -0.5, 1.0, -1.0, -2.0, 3.0, 2.5, 1 / 3), free(lambda x: 2.0**x, REAL), free(lambda x: (-2.0) ** x, REAL), *by(2, 3, operand=WHOLE[:10])],
    "__rshift__": [free(lambda x: x >> 3, WHOLE)], "bitwise_right_shift": [free(lambda x: torch.bitwise_right_shift(x, 3), WHOLE)],
    **{name: [two(*BOOLS)] for name in ("bitwise_and", "bitwise_or", "__and__", "__or__")},
    "bitwise_not": [one(operand=BOOLS[0])],
    "clamp": [one(-1.0, 1.0), one(-0.0, None), one(None, 0.0), one(2.0, 1.0), one(NAN, 1.0), one(-INF, INF), one(-3, 2**60 + 1, operand=WHOLE * (2**35 + 1))],
    "clamp_min": by(0.0, NAN, -INF), "hardtanh": [one(), one(-2.0, 0.5)], "leaky_relu": by(0.01, 0.0, -0.5, INF),
    "gelu": [one(), one(approximate="tanh")], "softplus": [one(), one(2.0), one(1.0, 1000.0), one(-1.0), one(0.5, 5.0)],
    "where": [free(torch.where, LEFT > 0, LEFT, RIGHT), free(lambda x: torch.where(x > 0, x, NAN), REAL), free(lambda x: torch.where(x > 0, 1.0, x), REAL), free(lambda x: torch.where(x > 0, 1.0, -0.0), REAL)],
    "masked_fill": [free(lambda x: x.masked_fill(x != x, 0.0), REAL), free(lambda x: x.masked_fill(x > 0, -INF), REAL), free(lambda x, y: x.masked_fill(x > 0, y), REAL, torch.tensor(NAN))],
    "_to_copy": [one(dtype=torch.bool), one(dtype=torch.float64), one(dtype=torch.float16), one(dtype=torch.bfloat16), one(dtype=torch.int8, operand=WHOLE), one(dtype=torch.float32, operand=WHOLE * 2**30)],
    "to": [free(lambda x: x.to(torch.float16), REAL), free(lambda x: x.to(torch.bool), REAL), free(lambda x: x.to(torch.float8_e5m2).float(), REAL)],
    "type_as": [two(REAL, ROW.double())],
    "ones_like": [free(lambda x: x * torch.ones_like(x), REAL)], "zeros_like": [free(lambda x: x + torch.zeros_like(x), REAL)],
    "full_like": [free(lambda x: torch.maximum(x, torch.full_like(x, NAN)), REAL)], "new_ones": [free(lambda x: x + x.new_ones(1), REAL)],
    "new_zeros": [free(lambda x: x * x.new_zeros(1), REAL)], "new_full": [free(lambda x: x + x.new_full((1,), -INF), REAL)],
    "softmax": [*BY_ROW[:2], free(lambda x: x.softmax(1, dtype=torch.float64), ROW), free(lambda x: x.half().softmax(1, dtype=torch.float32), ROW)],
    "_softmax": [one(1, False, operand=ROW)], "log_softmax": [*BY_ROW[:2], free(lambda x: x.log_softmax(-1).exp(), ROW), free(lambda x: x.log_softmax(1, dtype=torch.float64), ROW)],
    "_log_softmax": [one(1, False, operand=ROW)],
    "sum": [*BY_ROW, free(lambda x: x.sum(), ROW[:1]), free(lambda x: (x > 0).sum(1), ROW), free(lambda x: x.sum(0), WHOLE.int()), free(lambda x: x.to(torch.int8).sum(), WHOLE), free(lambda x: x.half().sum(1, dtype=torch.float32), ROW), free(lambda x: x.sum(1, dtype=torch.float64), ROW)],
    "mean": [*BY_ROW, free(lambda x: x.mean(), ROW[:1]), free(lambda x: x.mean(0, dtype=torch.float32), WHOLE), free(lambda x: x.mean(1, dtype=torch.float64), ROW)],
    "amax": BY_ROW, "amin": BY_ROW, "any": [*BY_ROW, free(lambda x: x.any(), ROW)],
    "argmax": [*BY_ROW, free(lambda x: x.argmax(), ROW), free(lambda x: x.argmax(0), WHOLE)], "argmin": [*BY_ROW, free(lambda x: x.argmin(), COLUMNS)],
    "max": BY_ROW, "min": BY_ROW, "cumsum": [*BY_ROW[:2], free(lambda x: (x > 0).cumsum(1), ROW), free(lambda x: x.half().cumsum(1, dtype=torch.float32), ROW)],
    "layer_norm": [one([4], operand=ROW), free(lambda x: F.layer_norm(x, (4,), LAYER, LAYER), ROW)],
    "rms_norm": [free(lambda x: F.rms_norm(x, (4,)), ROW), free(lambda x: F.rms_norm(x, (4,), LAYER, 1e-5), ROW), free(lambda x: F.rms_norm(x.double(), (4,)), ROW * 1e-7)],
    "group_norm": [free(lambda x: F.group_norm(x, 2, *CHANNEL[:2]), IMAGE)], "batch_norm": [free(lambda x: F.batch_norm(x, CHANNEL[0], CHANNEL[3], CHANNEL[2], CHANNEL[1]), IMAGE)],
    "_native_batch_norm_legit_no_training": [free(lambda x: ATEN._native_batch_norm_legit_no_training(x, CHANNEL[0], CHANNEL[1], CHANNEL[2], CHANNEL[3], 0.1, 1e-5)[0], IMAGE)],
    "var": [free(lambda x: x.var(1), ROW), free(lambda x: x.var(1, correction=0), ROW)],
    "linalg_vector_norm": [free(lambda x: torch.linalg.vector_norm(x, dim=1), ROW)], "norm": [free(lambda x: ATEN.norm.ScalarOpt_dim(x, 2, [1]), ROW)],
    "topk": [free(lambda x: x.topk(2, 1)[0], ROW), free(lambda x: x.topk(3, 0, largest=False)[0], ROW)],
    "sort": [free(lambda x: x.sort(dim=1, stable=True), ROW), free(lambda x: x.sort(dim=0, descending=True, stable=True), ROW), free(lambda x: x.sort(stable=True), REAL), free(lambda x: x.sort(0), WHOLE)],
    "argsort": [free(lambda x: torch.argsort(x, stable=True), REAL), free(lambda x: torch.argsort(x, dim=1, descending=True, stable=True), ROW)],
    **{f"max_pool{k}d": [one(2, operand=x), one(3, 2, 1, operand=x), one(2, 2, 0, 2, operand=x), one(2, 3, 0, 1, True, operand=x)] for k, x in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"avg_pool{k}d": [one(2, operand=x), one(3, 2, 1, operand=x), one(3, 2, 1, False, False, operand=x), one(2, 2, 0, True, operand=x), one(3, 2, 1, True, False, operand=x), one(3, 2, 1, True, True, operand=x)] for k, x in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    "adaptive_avg_pool1d": [one(2, operand=LINE)], "adaptive_avg_pool2d": [one([1, 1], operand=IMAGE), one([5, 3], operand=IMAGE), one([3, 4], operand=IMAGE), one([7, 6], operand=IMAGE)], "_adaptive_avg_pool2d": [one([2, 2], operand=IMAGE)],
    "upsample_bilinear2d": [free(lambda x, s=s, a=a: F.interpolate(x, size=s, mode="bilinear", align_corners=a), IMAGE) for s in ((10, 12), (3, 4), (7, 6)) for a in (False, True)],
    "upsample_bicubic2d": [free(lambda x, s=s, a=a: F.interpolate(x, size=s, mode="bicubic", align_corners=a), IMAGE[:4]) for s in ((10, 12), (4, 4)) for a in (False, True)],
    "upsample_nearest2d": [free(lambda x: F.interpolate(x, scale_factor=2) * 1.0, IMAGE)],
    "linear": [free(F.linear, MATRIX, OTHER[0].t().contiguous(), LAYER)], "matmul": [two(MATRIX, OTHER), two(MATRIX, OTHER[0]), two(MATRIX, OTHER[0, :, 0])],
    "bmm": [two(MATRIX, OTHER)], "mm": [two(MATRIX[0], OTHER[0])], "mv": [two(MATRIX[0], OTHER[0, :, 0])], "dot": [two(MATRIX[0, 0], OTHER[0, :, 0])], "outer": [two(MATRIX[0, 0], OTHER[0, 0])],
    "addmm": [free(lambda b, x, y, beta=beta, alpha=alpha: torch.addmm(b, x, y, beta=beta, alpha=alpha), OTHER[1, :4], MATRIX[0], OTHER[0]) for beta, alpha in ((1, 1), (0, 1), (0, 0.5), (0.5, 2))],
    "baddbmm": [free(lambda b, x, y, beta=beta: torch.baddbmm(b, x, y, beta=beta), shuffled(SMALL, 9, 3, 4, 4), MATRIX, OTHER) for beta in (1, 0, 0.5)],
    "einsum": [free(lambda x, y: torch.einsum("bij,bjk->bik", x, y), MATRIX, OTHER), free(lambda x: torch.einsum("bij->bi", x), MATRIX), free(lambda x, y: torch.einsum("bij,bij->bij", x, y), MATRIX, MATRIX + 1)],
    "conv1d": [free(lambda x: F.conv1d(x, TAPS[:, :, :, 0, 0], padding=1), LINE), free(lambda x: F.conv1d(x, TAPS[:, :, :, 0, 0], padding="same", dilation=2), LINE)],
    "conv2d": [free(lambda x: F.conv2d(x, TAPS[..., 0], LAYER[:3], 2, 1), IMAGE), free(lambda x: F.conv2d(x, TAPS[:2, :1, ..., 0], padding=1, groups=2), IMAGE)], "conv3d": [free(lambda x: F.conv3d(x, TAPS, padding=1), VOLUME)],
    "convolution": [free(lambda x: ATEN.convolution(x, TAPS[..., 0], None, [1, 2], [1, 0], [1, 1], False, [0, 0], 1), IMAGE)],
    "conv_transpose1d": [free(lambda x: F.conv_transpose1d(x, TAPS[:2, :, :, 0, 0], stride=2, padding=1), LINE)], "conv_transpose2d": [free(lambda x: F.conv_transpose2d(x, TAPS[:2, ..., 0], stride=2, padding=1, output_padding=1), IMAGE)],
    "conv_transpose3d": [free(lambda x: F.conv_transpose3d(x, TAPS[:2], stride=1), VOLUME[:2])],
    "scaled_dot_product_attention": attention(),
    "pad": [free(lambda x, v=v: F.pad(x, (1, 2, 0, 1), value=v), ROW) for v in (0.0, INF, -INF, NAN, -0.0)], "constant_pad_nd": [one([1, 1], -INF, operand=ROW), one([1, 1], 7, operand=WHOLE), one([-1, 1], 0.0, operand=ROW)],
    "cat": [free(lambda x: torch.cat([x, x[:2]]), ROW)], "concat": [free(lambda x: torch.concat([x, x[:, :2]], 1), ROW)], "stack": [free(lambda x: torch.stack([x, x], -1), ROW)],
    "embedding": [free(lambda x, i: F.embedding(i, x), ROW, torch.tensor([[5, 0], [15, 8]]))], "index": [free(lambda x, i: x[:, i], ROW, torch.tensor([-1, 0]))], "index_select": [free(lambda x, i: x.index_select(0, i), ROW, torch.tensor([6, 8]))],
    "gather": [free(lambda x, i: x.gather(1, i), ROW, torch.tensor([[1, 3]] * 16))], "take": [free(lambda x, i: x.take(i), ROW, torch.tensor([[-1, 3], [5, 7]]))], "take_along_dim": [free(lambda x, i: torch.take_along_dim(x, i, 1), ROW, torch.tensor([[-1, 3]]))],
    "contiguous": view(), "clone": view(), "detach": view(), "detach_": [free(lambda x: (x * 1.0).detach_() * 1.0, ROW)], "lift_fresh_copy": view(), "dropout": view(0.5, False), "feature_dropout": view(0.5, False),
    "view": view([4, 16]), "reshape": view([-1, 8]), "_unsafe_view": view([4, 16]), "flatten": view(1), "unflatten": view(2, [4, 4]), "view_as": [free(lambda x, y: x.view_as(y) * 1.0, ROW, COLUMNS)], "reshape_as": [free(lambda x, y: x.reshape_as(y) * 1.0, ROW, COLUMNS)],
    "transpose": view(-1, 0), "swapaxes": view(-1, 0), "t": view(operand=ROW), "numpy_T": view(), "mT": view(), "permute": view([2, -3, 1]), "movedim": [*view(-1, 0), *view([0, 1], [-1, 0])], "unsqueeze": [*view(-1), *view(-4)],
    "squeeze": [*view(operand=ROW[:1]), *view(-2, operand=ROW[:1]), *view([0, 1], operand=ROW[:1])], "expand": view([3, 2, 2, 16]), "expand_as": [free(lambda x, y: x.expand_as(y) * 1.0, ROW[:1], ROW)], "broadcast_to": view([3, 2, 2, 16]),
    "slice": [*view(-1, -5, None), *view(2, 3, -2, 3), *view(1, -99, 99)], "narrow": [*view(-1, -5, 4), *view(2, 3, 4)], "select": [*view(-1, -3), *view(1, 0)], "unbind": view(-2), "chunk": view(3, -1), "split": view(5, -1), "split_with_sizes": view([3, 13], -1), "tensor_split": view(3, 2),
    "repeat": view([2, 1, 1, 3]), "tile": view([2, 3]), "repeat_interleave": [*view(2, -1), *view(2)], "flip": view([-1, 0]), "roll": [*view([3], [-1]), *view([1, -2], [0, 2]), *view([5])],
    "pixel_shuffle": view(2, operand=IMAGE.repeat(1, 2, 1, 1)), "pixel_unshuffle": view(2, operand=IMAGE[:, :, :4]),
}  # fmt: skip
SKIPPED = {
    "empty_like": "what it holds isn't defined",
    **dict.fromkeys(("float", "half", "bfloat16"), "exported as `to`"),
}
OVERLOADS = {"softmax": "int", "log_softmax": "int", "sum": "dim_IntList", "mean": "dim", "any": "dim", "max": "dim", "min": "dim",
             "movedim": "int", "squeeze": "default", "transpose": "int", "flatten": "using_ints", "unflatten": "int"}  # fmt: skip


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
    sources = {str(node.target).split(".")[1] for node in traced.program.graph.nodes if node.op == "call_function" and "." in str(node.target)}  # fmt: skip
    assert base in sources, f"{base} isn't among {sorted(sources)}"
    found = []
    for arithmetic in (FLOAT, BIT_TRUE):
        values = execute(traced.network, given_to(traced, module, operands, {}), arithmetic=arithmetic)  # fmt: skip
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
    "relu": F.relu, "where": lambda x: torch.where(x > 0, x, 1.0), "softmax": lambda x: x.softmax(-1), "log_softmax": lambda x: x.log_softmax(0),
    "sum": lambda x: x.sum(0), "sum_last": lambda x: x.sum(-1), "sum_all": lambda x: x.sum(), "mean": lambda x: x.mean(-1), "mean_all": lambda x: x.mean(), "any": lambda x: x.any(0),
    "amax": lambda x: x.amax(0), "argmax": lambda x: x.argmax(0), "cumsum": lambda x: x.cumsum(0), "sort": lambda x: x.sort(-1), "norm": lambda x: torch.linalg.vector_norm(x, dim=0),
    "var": lambda x: x.var(0, correction=0), "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]), "matmul": lambda x: x @ x.mT, "matmul_inner": lambda x: x.mT @ x, "linear": lambda x: F.linear(x, torch.ones(3, x.shape[-1]), torch.ones(3)),
    "cat": lambda x: torch.cat([x, torch.ones(2, *x.shape[1:])]), "pad": lambda x: F.pad(x, (1, 1), value=2.0), "index": lambda x: x[:, torch.zeros(0, dtype=torch.long)], "slice": lambda x: x[1:] * 2, "flip": lambda x: x.flip(0) * 1,
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]), "cast": lambda x: x.to(torch.float16), "roll": lambda x: x.roll(1, 0), "sum_of_whole": lambda x: (x > 0).sum(),
}  # fmt: skip


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
    [lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5), lambda x: F.dropout(x, 0.5, training=True)],
)  # fmt: skip
def test_what_draws_numbers_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(LegoError, match="dropout") as caught:
        trace(Call(function), [torch.ones(1, 2, 3, 4)])
    assert caught.value.code == "E402"
