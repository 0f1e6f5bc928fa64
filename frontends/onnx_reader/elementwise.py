"""Operators on single elements, and types."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from frontends.onnx_reader.context import Context, Held, shape_of, translates
from frontends.onnx_reader.tensors import DTYPES
from frontends.torch_export.context import Known

__all__ = ["number"]


def number(value: Any, other: Any) -> Any:
    """A constant of one element as a number, if the result on `other` has the same shape; else the value."""
    if not isinstance(value, Known) or isinstance(value, Held) or isinstance(other, Known):
        return value
    tensor = value.value
    if tensor.numel() != 1 or tensor.dim() > len(shape_of(other)) or tensor.dtype == torch.bool:
        return value
    return tensor.item()


def _unary(name: str) -> Callable[..., Any]:
    return lambda n, x: n.call(name, x)


for _op, _name in {
    "Neg": "neg",
    "Abs": "abs",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Tanh": "tanh",
    "Erf": "erf",
    "Sigmoid": "sigmoid",
    "Sin": "sin",
    "Cos": "cos",
    "Floor": "floor",
    "Round": "round",
    "Sign": "sign",
    "Relu": "relu",
    "HardSwish": "hardswish",
    "Not": "logical_not",
    "Softplus": "softplus",
}.items():
    translates(_op)(_unary(f"{_name}.default"))


def _binary(name: str, *, swaps: bool = False) -> Callable[..., Any]:
    def translate(n: Context, x: Any, y: Any) -> Any:
        if swaps and not isinstance(number(x, y), Known) and isinstance(x, Known):
            x, y = y, x
        y = number(y, x)
        return n.call(
            f"{name}.Tensor" if isinstance(y, Known) or hasattr(y, "dims") else f"{name}.Scalar",
            x,
            y,
        )

    return translate


for _op, _name in {
    "Add": "add",
    "Mul": "mul",
    "Less": "lt",
    "LessOrEqual": "le",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Equal": "eq",
}.items():
    translates(_op)(_binary(_name, swaps=_op in ("Add", "Mul", "Equal")))


@translates("Sub")
def _sub(n: Context, x: Any, y: Any) -> Any:
    first = number(x, y)
    return _binary("sub")(n, x, y) if first is x else n.call("rsub.Scalar", y, first)


@translates("Div")
def _div(n: Context, x: Any, y: Any) -> Any:
    if not n.dtype(x).is_floating_point:
        return n.call("div.Tensor_mode", x, y, rounding_mode="trunc")
    first = number(x, y)
    if not isinstance(x, Held) and isinstance(x, Known) and first == 1 and first is not x:
        return n.call("reciprocal.default", y)
    return _binary("div")(n, x, y)


@translates("Pow")
def _pow(n: Context, x: Any, y: Any) -> Any:
    power = number(y, x)
    wanted = n.dtype(x)
    if isinstance(power, int | float):
        made = n.call("pow.Tensor_Scalar", x, power)
    else:
        made = n.call("pow.Tensor_Tensor", x, y)
    return made if n.dtype(made) == wanted else n.call("_to_copy.default", made, dtype=wanted)


@translates("Mod")
def _mod(n: Context, x: Any, y: Any) -> Any:
    if n.attribute("fmod", 0):
        raise n.fail("a remainder with the sign of the dividend can't be lowered")
    return n.call("remainder.Tensor", x, y)


def _folded(name: str) -> Callable[..., Any]:
    return lambda n, *xs: functools.reduce(lambda x, y: n.call(name, x, y), xs)


for _op, _name in {
    "Max": "maximum.default", "Min": "minimum.default", "Sum": "add.Tensor", "And": "logical_and.default",
    "Or": "logical_or.default", "Xor": "ne.Tensor",
}.items():  # fmt: skip
    translates(_op)(_folded(_name))


@translates("Mean")
def _mean(n: Context, *xs: Any) -> Any:
    return n.call("div.Scalar", _folded("add.Tensor")(n, *xs), len(xs))


@translates("Ceil")
def _ceil(n: Context, x: Any) -> Any:
    return n.call("neg.default", n.call("floor.default", n.call("neg.default", x)))


@translates("LeakyRelu")
def _leaky_relu(n: Context, x: Any) -> Any:
    return n.call("leaky_relu.default", x, n.attribute("alpha", 0.01))


@translates("PRelu")
def _prelu(n: Context, x: Any, slope: Any) -> Any:
    below = n.call("mul.Tensor", x, slope)
    return n.call("where.self", n.call("gt.Scalar", x, 0.0), x, below)


@translates("Elu")
def _elu(n: Context, x: Any) -> Any:
    below = n.call(
        "sub.Scalar", n.call("exp.default", n.call("minimum.default", x, _zero(n, x))), 1.0
    )
    scaled = n.call("mul.Scalar", below, n.attribute("alpha", 1.0))
    return n.call("where.self", n.call("lt.Scalar", x, 0.0), scaled, x)


def _zero(n: Context, like: Any) -> Known:
    return Known(torch.zeros((), dtype=n.dtype(like)))


@translates("HardSigmoid")
def _hard_sigmoid(n: Context, x: Any) -> Any:
    scaled = n.call("mul.Scalar", x, n.attribute("alpha", 0.2))
    return n.call("clamp.default", n.call("add.Scalar", scaled, n.attribute("beta", 0.5)), 0.0, 1.0)


@translates("Gelu")
def _gelu(n: Context, x: Any) -> Any:
    return n.call("gelu.default", x, approximate=n.attribute("approximate", "none"))


@translates("Swish")
def _swish(n: Context, x: Any) -> Any:
    alpha = n.attribute("alpha", 1.0)
    if alpha == 1:
        return n.call("silu.default", x)
    gate = n.call("sigmoid.default", n.call("mul.Scalar", x, alpha))
    return n.call("mul.Tensor", x, gate)


@translates("Mish")
def _mish(n: Context, x: Any) -> Any:
    return n.call("mul.Tensor", x, n.call("tanh.default", n.call("softplus.default", x)))


@translates("Clip")
def _clip(n: Context, x: Any, low: Any = None, high: Any = None) -> Any:
    bounds = []
    for name, value in (("min", low), ("max", high)):
        given = n.attribute(name) if value is None else n.known(value, name)[0]
        bounds.append(given)
    if bounds == [None, None]:
        return x
    return n.call("clamp.default", x, *bounds)


@translates("Where")
def _where(n: Context, condition: Any, x: Any, y: Any) -> Any:
    return n.call("where.self", condition, x, y)


@translates("Cast", "CastLike")
def _cast(n: Context, x: Any, like: Any = None) -> Any:
    if like is None:
        wanted = DTYPES.get(n.attribute("to"))
        if wanted is None:
            raise n.fail(f"a cast to type {n.attribute('to')} can't be lowered")
    else:
        wanted = n.dtype(like)
    return x if n.dtype(x) == wanted else n.call("_to_copy.default", x, dtype=wanted)


@translates("Identity")
def _identity(_n: Context, x: Any) -> Any:
    return x


@translates("Dropout")
def _dropout(n: Context, x: Any, _ratio: Any = None, training: Any = None) -> Any:
    """Nothing is dropped, and the mask is true everywhere (before version 10 of the type of the operand)."""
    if training is not None and n.known(training, "training_mode")[0]:
        raise n.fail("dropout in training mode can't be lowered")
    if n.results() == 1:
        return x
    n.limited(*shape_of(x))
    return [x, Known(torch.ones(shape_of(x), dtype=torch.bool if n.version >= 10 else n.dtype(x)))]
