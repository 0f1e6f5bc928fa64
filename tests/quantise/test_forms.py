"""Bodies as affine forms, against the bodies themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.ir.affine import AffineMap
from lego.ir.constants import constant
from lego.ir.formats import FLOAT32, INT64
from lego.ir.operation import Apply, Body, Fn, Place, Position, Value
from lego.quantise.access import Array
from lego.quantise.forms import Form, NotAffine, Stream, constant_form, form_of

SHAPE = (3, 4)
EVERY = AffineMap(((1, 0), (0, 1)), (0, 0))
X, Y, C, K = (Value(k, FLOAT32) for k in range(4))
"""Two tensors, constants per row, and one constant."""
RNG = np.random.default_rng(1)
VALUES = [
    RNG.normal(size=SHAPE),
    RNG.normal(size=SHAPE),
    RNG.normal(size=(3, 1)),
    np.full((1, 1), 0.5),
]
INPUTS = [
    *(Form((Stream(Place(name, EVERY), np.ones((1, 1))),), np.zeros((1, 1))) for name in "xy"),
    *map(constant_form, VALUES[2:]),
]


def number(value: float) -> Body:
    return constant(value, FLOAT32)


def of(fn: Fn, *args: Body) -> Body:
    return Apply(fn, args, FLOAT32)


FUNCTIONS = {
    Fn.ADD: np.add, Fn.SUB: np.subtract, Fn.MUL: np.multiply, Fn.DIV: np.divide,
    Fn.MAX: np.maximum, Fn.MIN: np.minimum, Fn.NEG: np.negative,
    Fn.RSQRT: lambda a: 1 / np.sqrt(a), Fn.ABS: np.abs,
}  # fmt: skip


def computed(body: Body) -> Array:
    if isinstance(body, Value):
        return VALUES[body.index]
    if isinstance(body, Apply):
        return np.asarray(FUNCTIONS[body.fn](*map(computed, body.args)))
    return np.full((1, 1), float(body.value))  # type: ignore[union-attr, arg-type]


def of_form(form: Form) -> Array:
    total = form.offset
    for stream in form.streams:
        total = total + stream.factor * VALUES["xy".index(stream.place.buffer)]
    return np.broadcast_to(np.clip(total, form.low, form.high), SHAPE)


def bodies() -> st.SearchStrategy[Body]:
    leaf = st.sampled_from([X, Y, C, K]) | st.sampled_from([-2.0, 0.25, 1.0, 3.0]).map(number)
    two = st.sampled_from([Fn.ADD, Fn.SUB, Fn.MUL, Fn.DIV, Fn.MAX, Fn.MIN])

    def deeper(inner: st.SearchStrategy[Body]) -> st.SearchStrategy[Body]:
        pairs = st.builds(of, two, inner, inner)
        return pairs | st.builds(lambda b: of(Fn.NEG, b), inner)

    return st.recursive(leaf, deeper, max_leaves=6)


@given(bodies())
def test_a_form_is_what_its_body_computes(body: Body) -> None:
    try:
        form = form_of(body, INPUTS, 2)
    except NotAffine:
        return
    with np.errstate(all="ignore"):
        want = np.broadcast_to(computed(body), SHAPE)
        if np.isfinite(want).all():
            np.testing.assert_allclose(of_form(form), want, rtol=1e-9, atol=1e-9)


def test_a_batch_norm_and_a_bound() -> None:
    root = of(Fn.RSQRT, of(Fn.ADD, of(Fn.ABS, C), number(1e-5)))
    norm = of(Fn.MUL, of(Fn.SUB, X, C), root)
    body = of(Fn.MIN, of(Fn.MAX, of(Fn.ADD, of(Fn.MUL, norm, C), K), number(0)), number(6))
    form = form_of(body, INPUTS, 2)
    assert (form.low, form.high, len(form.streams)) == (0, 6, 1)
    assert form.streams[0].factor.shape == form.offset.shape == (3, 1)
    np.testing.assert_allclose(of_form(form), np.broadcast_to(computed(body), SHAPE), rtol=1e-5)


def test_bounds_move_with_what_is_done_after() -> None:
    bound = of(Fn.MAX, X, number(0))
    form = form_of(of(Fn.ADD, of(Fn.MUL, bound, number(-2)), K), INPUTS, 2)
    assert (form.low, form.high) == (-np.inf, 0.5)


def test_a_tensor_twice_is_one_stream() -> None:
    form = form_of(of(Fn.ADD, X, of(Fn.MUL, X, number(3))), INPUTS, 2)
    assert [stream.factor.tolist() for stream in form.streams] == [[[4.0]]]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (of(Fn.MUL, X, Y), "multiplies two tensors"),
        (of(Fn.MAX, X, Y), "takes the max of two tensors"),
        (of(Fn.MAX, X, C), "its bounds vary"),
        (of(Fn.MUL, of(Fn.MAX, X, K), C), "multiplies by constants that vary after a bound"),
        (of(Fn.ADD, of(Fn.MAX, X, K), C), "adds constants that vary after a bound"),
        (of(Fn.ADD, of(Fn.MAX, X, K), Y), "adds to a tensor after a bound"),
        (of(Fn.MUL, of(Fn.MAX, X, K), number(0)), "multiplies by 0"),
        (of(Fn.DIV, K, X), "div of a tensor"),
        (of(Fn.ERF, X), "erf of a tensor"),
        (of(Fn.ERF, K), "erf of constants"),
        (Apply(Fn.CAST, (X,), INT64), "aren't of real numbers"),
        (Position(0, INT64), "aren't of real numbers"),
    ],
)
def test_what_has_no_form(body: Body, why: str) -> None:
    with pytest.raises(NotAffine, match=why):
        form_of(body, INPUTS, 2)
