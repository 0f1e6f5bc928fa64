"""Elementwise operators: each is the body of one nest over the result's shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from frontends.torch_export.context import Known, Tracer
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import Call, Draft, Input, Number
from frontends.tracing.nests import Term
from frontends.tracing.views import View
from lego.ir.formats import BOOL, Format
from lego.ir.operation import Fn

__all__ = ["apply", "pointwise"]


def apply(fn: Fn, *args: Draft | float) -> Draft:
    """`fn(args)`, numbers being numbers."""
    return Call(fn, tuple(Number(a) if isinstance(a, int | float) else a for a in args))


def pointwise(
    t: Tracer, values: Sequence[Any], build: Callable[..., Draft], fmt: Format | None = None
) -> View:
    """The nest of a body on tensors, broadcast to the result's shape, and numbers."""
    shape = tuple(t.out().shape)
    labels = tuple(f"d{k}" for k in range(len(shape)))
    terms: list[Term] = []
    args: list[Draft] = []
    for value in values:
        if isinstance(value, bool | int | float):
            args.append(Number(value))
        else:
            args.append(Input(len(terms)))
            terms.append(Term(t.view(value).expanded(shape), labels))
    sizes = dict(zip(labels, shape, strict=True))
    return t.nests.nest(t.path, t.source, labels, fmt or t.fmt(), terms, build(*args), sizes=sizes)


def _unary(fn: Fn) -> Callable[..., View]:
    return lambda t, x: pointwise(t, [x], lambda a: apply(fn, a))


for _name, _fn in {
    "neg": Fn.NEG, "abs": Fn.ABS, "exp": Fn.EXP, "log": Fn.LOG, "sqrt": Fn.SQRT, "rsqrt": Fn.RSQRT,
    "tanh": Fn.TANH, "erf": Fn.ERF, "sigmoid": Fn.SIGMOID, "sin": Fn.SIN, "cos": Fn.COS,
    "floor": Fn.FLOOR, "round": Fn.ROUND, "logical_not": Fn.NOT,
}.items():  # fmt: skip
    lowers(f"{_name}.default")(_unary(_fn))


_OVERLOADS = ("default", "Tensor", "Scalar", "Tensor_Scalar", "Scalar_Tensor")


def _binary(fn: Fn) -> Callable[..., View]:
    return lambda t, x, y: pointwise(t, [x, y], lambda a, b: apply(fn, a, b))


for _name, _fn in {
    "mul": Fn.MUL, "maximum": Fn.MAX, "minimum": Fn.MIN, "lt": Fn.LT, "le": Fn.LE, "eq": Fn.EQ,
    "logical_and": Fn.AND, "logical_or": Fn.OR, "remainder": Fn.MOD,
    "__rshift__": Fn.SHIFT, "bitwise_right_shift": Fn.SHIFT,
}.items():  # fmt: skip
    lowers(*(f"{_name}.{o}" for o in _OVERLOADS))(_binary(_fn))


def _of_truth(fn: Fn) -> Callable[..., View]:
    """Bit by bit, which is by truth where there is one bit."""

    def lowered(t: Tracer, *args: Any) -> View:
        if t.fmt() != BOOL:
            raise t.fail(
                f"operators on the bits of {t.fmt()} have no loop nest", hint="use arithmetic"
            )
        return pointwise(t, args, lambda *values: apply(fn, *values))

    return lowered


for _name, _fn in {
    "bitwise_not": Fn.NOT, "bitwise_and": Fn.AND, "__and__": Fn.AND, "bitwise_or": Fn.OR, "__or__": Fn.OR,
}.items():  # fmt: skip
    lowers(*(f"{_name}.{o}" for o in _OVERLOADS))(_of_truth(_fn))


@lowers("gt.Tensor", "gt.Scalar")
def _gt(t: Tracer, x: Any, y: Any) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.LT, b, a))


@lowers("ge.Tensor", "ge.Scalar")
def _ge(t: Tracer, x: Any, y: Any) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.LE, b, a))


@lowers("ne.Tensor", "ne.Scalar")
def _ne(t: Tracer, x: Any, y: Any) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.NOT, apply(Fn.EQ, a, b)))


def _scaled(value: Draft, alpha: float) -> Draft:
    return value if alpha == 1 else apply(Fn.MUL, value, alpha)


@lowers("add.Tensor", "add.Scalar")
def _add(t: Tracer, x: Any, y: Any, alpha: float = 1) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.ADD, a, _scaled(b, alpha)))


@lowers("sub.Tensor", "sub.Scalar")
def _sub(t: Tracer, x: Any, y: Any, alpha: float = 1) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.SUB, a, _scaled(b, alpha)))


@lowers("rsub.Tensor", "rsub.Scalar")
def _rsub(t: Tracer, x: Any, y: Any, alpha: float = 1) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.SUB, b, _scaled(a, alpha)))


@lowers("div.Tensor", "div.Scalar", "true_divide.Tensor")
def _div(t: Tracer, x: Any, y: Any) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.DIV, a, b))


@lowers("floor_divide.default", "floor_divide.Scalar")
def _floor_divide(t: Tracer, x: Any, y: Any) -> View:
    return pointwise(t, [x, y], lambda a, b: apply(Fn.QUOTIENT, a, b))


@lowers("div.Tensor_mode", "div.Scalar_mode")
def _div_mode(t: Tracer, x: Any, y: Any, rounding_mode: str | None = None) -> View:
    if rounding_mode is None:
        return _div(t, x, y)
    if rounding_mode == "floor":
        return _floor_divide(t, x, y)
    raise t.fail(f"division with rounding {rounding_mode!r} can't be lowered")


@lowers("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def _pow(t: Tracer, x: Any, y: Any) -> View:
    if isinstance(y, int | float) and y == 2:
        return pointwise(t, [x], lambda a: apply(Fn.MUL, a, a))
    if isinstance(y, float) and abs(y) == 0.5:  # roots, as PyTorch's: of -infinity not a number
        return pointwise(t, [x], lambda a: apply(Fn.SQRT if y > 0 else Fn.RSQRT, a))
    return pointwise(t, [x, y], lambda a, b: apply(Fn.POW, a, b))


@lowers("square.default")
def _square(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: apply(Fn.MUL, a, a))


@lowers("reciprocal.default")
def _reciprocal(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: apply(Fn.DIV, 1.0, a))


@lowers("sign.default")
def _sign(t: Tracer, x: Any) -> View:
    return pointwise(
        t,
        [x],
        lambda a: apply(
            Fn.WHERE, apply(Fn.LT, a, 0), -1.0, apply(Fn.WHERE, apply(Fn.LT, 0, a), 1.0, 0.0)
        ),
    )


@lowers("log2.default")
def _log2(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: apply(Fn.MUL, apply(Fn.LOG, a), 1 / math.log(2)))


@lowers("relu.default")
def _relu(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: apply(Fn.MAX, a, 0.0))


def _clamped(a: Draft, low: float | None, high: float | None) -> Draft:
    a = a if low is None else apply(Fn.MAX, a, low)
    return a if high is None else apply(Fn.MIN, a, high)


@lowers("clamp.default", "hardtanh.default")
def _clamp(t: Tracer, x: Any, low: Any = None, high: Any = None, **named: Any) -> View:
    low, high = named.get("min", low), named.get("max", high)
    if low is None and high is None:
        low, high = -1.0, 1.0
    return pointwise(t, [x], lambda a: _clamped(a, low, high))


@lowers("clamp_min.default")
def _clamp_min(t: Tracer, x: Any, low: Any) -> View:
    return pointwise(t, [x], lambda a: _clamped(a, low, None))


@lowers("relu6.default")
def _relu6(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: _clamped(a, 0, 6))


@lowers("leaky_relu.default")
def _leaky_relu(t: Tracer, x: Any, slope: float = 0.01) -> View:
    return pointwise(
        t, [x], lambda a: apply(Fn.WHERE, apply(Fn.LT, 0.0, a), a, apply(Fn.MUL, a, slope))
    )


@lowers("silu.default")
def _silu(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], lambda a: apply(Fn.MUL, a, apply(Fn.SIGMOID, a)))


def _hard_gate(a: Draft) -> Draft:
    return apply(Fn.DIV, _clamped(apply(Fn.ADD, a, 3.0), 0, 6), 6.0)


@lowers("hardsigmoid.default")
def _hardsigmoid(t: Tracer, x: Any) -> View:
    return pointwise(t, [x], _hard_gate)


@lowers("hardswish.default")
def _hardswish(t: Tracer, x: Any) -> View:
    """x times 0 to 6, then the sixth, so that it overflows where PyTorch's does."""
    return pointwise(
        t,
        [x],
        lambda a: apply(Fn.DIV, apply(Fn.MUL, a, _clamped(apply(Fn.ADD, a, 3.0), 0, 6)), 6.0),
    )


@lowers("gelu.default")
def _gelu(t: Tracer, x: Any, approximate: str = "none") -> View:
    def exact(a: Draft) -> Draft:
        return apply(Fn.ERF, apply(Fn.MUL, a, math.sqrt(0.5)))

    def by_tanh(a: Draft) -> Draft:
        cube = apply(Fn.MUL, apply(Fn.MUL, apply(Fn.MUL, a, a), a), 0.044715)
        return apply(Fn.TANH, apply(Fn.MUL, apply(Fn.ADD, a, cube), math.sqrt(2 / math.pi)))

    gate = exact if approximate == "none" else by_tanh
    return pointwise(
        t, [x], lambda a: apply(Fn.MUL, apply(Fn.MUL, a, 0.5), apply(Fn.ADD, gate(a), 1.0))
    )


def _log_of_more_than_one(a: Draft) -> Draft:
    """log(1 + a) of a >= 0, right to the last bits for small ones too (Higham, Accuracy and
    Stability, 2nd ed., problem 1.5)."""
    total = apply(Fn.ADD, a, 1.0)
    log = apply(Fn.LOG, total)
    mended = apply(Fn.DIV, apply(Fn.MUL, log, a), apply(Fn.SUB, total, 1.0))
    larger = apply(Fn.WHERE, apply(Fn.EQ, total, a), log, mended)
    return apply(Fn.WHERE, apply(Fn.EQ, total, 1.0), a, larger)


@lowers("softplus.default")
def _softplus(t: Tracer, x: Any, beta: float = 1, threshold: float = 20) -> View:
    def scaled(a: Draft) -> Draft:
        return a if beta == 1 else apply(Fn.MUL, a, float(beta))

    def build(a: Draft, power: Draft) -> Draft:
        soft = _log_of_more_than_one(power)
        soft = soft if beta == 1 else apply(Fn.DIV, soft, float(beta))
        return apply(Fn.WHERE, apply(Fn.LT, float(threshold), scaled(a)), a, soft)

    power = pointwise(t, [x], lambda a: apply(Fn.EXP, scaled(a)))
    return pointwise(t, [x, power], build)


@lowers("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def _where(t: Tracer, condition: Any, x: Any, y: Any) -> View:
    return pointwise(t, [condition, x, y], lambda c, a, b: apply(Fn.WHERE, c, a, b))


@lowers("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(t: Tracer, x: Any, mask: Any, value: Any) -> View:
    return pointwise(t, [mask, value, x], lambda c, a, b: apply(Fn.WHERE, c, a, b))


@lowers(
    "to.dtype", "to.dtype_layout", "to.device", "to.other", "_to_copy.default", "type_as.default",
    "float.default", "half.default", "bfloat16.default",
)  # fmt: skip
def _cast(t: Tracer, x: Any, *_: Any, **__: Any) -> View:
    view = t.view(x)
    if t.format(view) == t.fmt():
        return view
    return pointwise(t, [view], lambda a: apply(Fn.CAST, a))


@lowers(
    "ones_like.default",
    "zeros_like.default",
    "full_like.default",
    "new_ones.default",
    "new_zeros.default",
    "new_full.default",
    "empty_like.default",
)
def _filled(t: Tracer, x: Any, *args: Any, **_: Any) -> Any:
    """Only the shape counts, so it is a constant."""
    import torch

    base = t.source.split(".")[1]
    value = 1 if "ones" in base else args[-1] if "full" in base else 0
    out = t.out()
    return Known(torch.full(tuple(out.shape), value, dtype=out.dtype))
