"""Matrix products, reductions and normalisations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from frontends.onnx_reader.context import Context, Held, shape_of, translates
from frontends.torch_export.context import Known
from frontends.torch_export.pointwise import apply
from frontends.torch_export.pooling import Sliding, pooled
from frontends.tracing.drafts import Input
from lego.ir.operation import Fn, Reduction

__all__: list[str] = []


@translates("MatMul")
def _matmul(n: Context, x: Any, y: Any) -> Any:
    return n.call("matmul.default", x, y)


@translates("Gemm")
def _gemm(n: Context, x: Any, y: Any, bias: Any = None) -> Any:
    alpha, beta = n.attribute("alpha", 1.0), n.attribute("beta", 1.0)
    if n.attribute("transA", 0):
        x = n.call("permute.default", x, [1, 0])
    transposed = bool(n.attribute("transB", 0))
    plain = alpha == 1 and (bias is None or (beta == 1 and len(shape_of(bias)) == 1))
    if plain and (bias is None or shape_of(bias)[0] == shape_of(y)[not transposed]):
        weight = y if transposed else n.call("permute.default", y, [1, 0])
        return n.call("linear.default", x, weight, bias)
    y = n.call("permute.default", y, [1, 0]) if transposed else y
    if bias is None:
        return n.call("mul.Scalar", n.call("mm.default", x, y), alpha)
    return n.call("addmm.default", bias, x, y, beta=beta, alpha=alpha)


@translates("Einsum")
def _einsum(n: Context, *operands: Any) -> Any:
    return n.call("einsum.default", n.attribute("equation"), list(operands))


def _axes(n: Context, x: Any, axes: Any) -> list[int] | None:
    """Axes of a reduction; None if it does nothing."""
    rank = len(shape_of(x))
    given = n.listed("axes", axes)
    if not given:
        return None if n.attribute("noop_with_empty_axes", 0) else list(range(rank))
    return [a % rank for a in given]


def _reduction(name: str, before: str = "", after: str = "") -> Callable[..., Any]:
    """A reduction by an operator of ATen, of elements after one operator, and another one on the result."""

    def translate(n: Context, x: Any, axes: Any = None) -> Any:
        over = _axes(n, x, axes)
        made = n.call(before, x) if before else x
        if over is not None:
            # of integers too the sum has the operand's type, which PyTorch's sums don't
            kept = {"dtype": n.dtype(made)} if name.startswith("sum") else {}
            made = n.call(name, made, over, bool(n.attribute("keepdims", 1)), **kept)
        return n.call(after, made) if after else made

    return translate


for _op, _how in {
    "ReduceSum": ("sum.dim_IntList",),
    "ReduceMean": ("mean.dim",),
    "ReduceMax": ("amax.default",),
    "ReduceMin": ("amin.default",),
    "ReduceL1": ("sum.dim_IntList", "abs.default"),
    "ReduceSumSquare": ("sum.dim_IntList", "square.default"),
    "ReduceL2": ("sum.dim_IntList", "square.default", "sqrt.default"),
    "ReduceLogSum": ("sum.dim_IntList", "", "log.default"),
}.items():
    translates(_op)(_reduction(*_how))


@translates("ReduceProd")
def _product(n: Context, x: Any, axes: Any = None) -> Any:
    over = _axes(n, x, axes)
    for axis in sorted(over or [], reverse=True):
        x = n.call("prod.dim_int", x, axis, bool(n.attribute("keepdims", 1)), dtype=n.dtype(x))
    return x


def _arg(name: str) -> Callable[..., Any]:
    def translate(n: Context, x: Any) -> Any:
        if n.attribute("select_last_index", 0):
            raise n.fail("the last of equal values can't be looked for")
        return n.call(name, x, n.attribute("axis", 0), bool(n.attribute("keepdims", 1)))

    return translate


translates("ArgMax")(_arg("argmax.default"))
translates("ArgMin")(_arg("argmin.default"))


@translates("TopK")
def _topk(n: Context, x: Any, count: Any) -> Any:
    wanted = int(n.known(count, "the count")[0])
    axis = n.attribute("axis", -1)
    largest, ordered = (bool(n.attribute(name, 1)) for name in ("largest", "sorted"))
    if isinstance(x, Known) and not isinstance(
        x, Held
    ):  # of equal ones the first, as in the loop nests
        found = torch.sort(x.value, axis, descending=largest, stable=True)
        return [Known(each.narrow(axis, 0, wanted)) for each in found]
    return n.call("topk.default", x, wanted, axis, largest, ordered)


@translates("CumSum")
def _cumsum(n: Context, x: Any, axis: Any) -> Any:
    if n.attribute("exclusive", 0) or n.attribute("reverse", 0):
        raise n.fail("an exclusive or reverse running sum can't be lowered")
    return n.call("cumsum.default", x, int(n.known(axis, "the axis")[0]), dtype=n.dtype(x))


def _softmax(name: str) -> Callable[..., Any]:
    """Before version 13 all dimensions from the axis on are one."""

    def translate(n: Context, x: Any) -> Any:
        shape = shape_of(x)
        if n.version >= 13:
            return n.call(name, x, n.attribute("axis", -1) % len(shape))
        axis = n.attribute("axis", 1) % len(shape)
        flat = n.call("reshape.default", x, [math.prod(shape[:axis]), math.prod(shape[axis:])])
        return n.call("reshape.default", n.call(name, flat, 1), list(shape))

    return translate


translates("Softmax")(_softmax("softmax.int"))
translates("LogSoftmax")(_softmax("log_softmax.int"))


@translates("LayerNormalization")
def _layer_norm(n: Context, x: Any, scale: Any, bias: Any = None) -> Any:
    shape = shape_of(x)
    inner = list(shape[n.attribute("axis", -1) % len(shape) :])
    if list(shape_of(scale)) != inner:
        raise n.fail(f"a scale of {list(shape_of(scale))} for {inner} elements can't be lowered")
    epsilon = n.attribute("epsilon", 1e-5)
    made = n.call("layer_norm.default", x, inner, scale, bias, epsilon)
    if n.results() == 1:
        return made
    if n.dtype(x) != torch.float32 or n.attribute("stash_type", 1) != 1:
        raise n.fail("mean and deviation of another type than float32 can't be lowered")
    over = list(range(len(shape) - len(inner), len(shape)))
    mean = n.call("mean.dim", x, over, True)
    variance = n.call("var.correction", x, over, correction=0, keepdim=True)
    return [made, mean, n.call("rsqrt.default", n.call("add.Scalar", variance, epsilon))]


@translates("RMSNormalization")
def _rms_norm(n: Context, x: Any, scale: Any) -> Any:
    shape = shape_of(x)
    inner = list(shape[n.attribute("axis", -1) % len(shape) :])
    return n.call("rms_norm.default", x, inner, scale, n.attribute("epsilon", 1e-5))


@translates("GroupNormalization")
def _group_norm(n: Context, x: Any, scale: Any, bias: Any) -> Any:
    groups, channels = n.attribute("num_groups"), shape_of(x)[1]
    if n.version < 21 and groups != channels:
        raise n.fail("one scale per group can't be lowered", "write the file with opset 21")
    return n.call("group_norm.default", x, groups, scale, bias, n.attribute("epsilon", 1e-5))


@translates("InstanceNormalization")
def _instance_norm(n: Context, x: Any, scale: Any, bias: Any) -> Any:
    return n.call(
        "group_norm.default", x, shape_of(x)[1], scale, bias, n.attribute("epsilon", 1e-5)
    )


@translates("BatchNormalization")
def _batch_norm(n: Context, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    if n.attribute("training_mode", 0):
        raise n.fail(
            "batch norm in training mode can't be lowered", "export the model for inference"
        )
    n.makes("batch_norm.default", shape_of(x), x)
    eps = n.attribute("epsilon", 1e-5)
    return n.lower("batch_norm.default", x, scale, bias, mean, variance, False, 0.1, eps, False)


@translates("LRN")
def _local_response(n: Context, x: Any) -> Any:
    """x / (bias + alpha / size * sum of squares of `size` neighbouring channels) ** beta."""
    size = n.attribute("size")
    last = n.call("movedim.int", x, 1, -1)
    n.makes("square.default", shape_of(last), x)
    how = Sliding([1], [(size - 1) // 2], [1])
    square = apply(Fn.MUL, Input(0), Input(0))
    sums = pooled(n, n.view(last), [size], how, Reduction.ADD, square, 0.0)
    scaled = n.call(
        "mul.Scalar", n.call("movedim.int", sums, -1, 1), n.attribute("alpha", 1e-4) / size
    )
    power = n.call(
        "pow.Tensor_Scalar",
        n.call("add.Scalar", scaled, n.attribute("bias", 1.0)),
        n.attribute("beta", 0.75),
    )
    return n.call("div.Tensor", x, power)
