"""Statements: what they mean, that printing and parsing are inverse, and that garbage is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontends.yaml import load_text
from frontends.yaml.render import render_statement
from frontends.yaml.statement import Statement, parse_statement
from lego.diag import LegoError, Loc
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant
from lego.ir.formats import EXACT
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    Loop,
    Operation,
    Output,
    Place,
    Reduction,
    Value,
    operands,
)
from sim import reference

HERE = Loc("w.yaml", 3, 10)
LOOPS = ("i", "j", "k")


def parse(text: str) -> Statement:
    return parse_statement(text, LOOPS, HERE)


def evaluate(body: Body, values: tuple[int, ...]) -> int:
    """The value of a body in integers without bound."""
    reads = [np.array([value], dtype=object) for value in values]
    return int(reference.evaluate(body, reads, [1 << 64] * len(values), [])[0])


def refusal(text: str) -> LegoError:
    with pytest.raises(LegoError) as caught:
        parse(text)
    return caught.value


def test_a_product() -> None:
    said = parse("Y[i,j] += X[i,k] * W[k,j]")
    assert said.reduction is Reduction.ADD
    assert said.output.map == AffineMap(((1, 0, 0), (0, 1, 0)), (0, 0))
    assert [place.buffer for place in said.inputs] == ["X", "W"]
    assert said.body == Apply(Fn.MUL, (Value(0, EXACT), Value(1, EXACT)), EXACT)
    assert said.inputs[1].loc == Loc("w.yaml", 3, 29)


@pytest.mark.parametrize(
    ("text", "row", "offset"),
    [
        ("2*i+j-1", (2, 1, 0), -1),
        ("i*2 - (j - 3)", (2, -1, 0), 3),
        ("-i+7", (-1, 0, 0), 7),
        ("3*(i+2*j)-(-2)", (3, 6, 0), 2),
        ("i-i+k", (0, 0, 1), 0),
        ("0*i", (0, 0, 0), 0),
        ("5", (0, 0, 0), 5),
        ("2*3", (0, 0, 0), 6),
    ],
)
def test_affine_indices(text: str, row: tuple[int, ...], offset: int) -> None:
    assert parse(f"Y[i] += X[{text}]").inputs[0].map == AffineMap((row,), (offset,))


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("X[i] - W[i] - 1", (5, 3), 1),
        ("X[i] - (W[i] - 1)", (5, 3), 3),
        ("-X[i] * W[i]", (5, 3), -15),
        ("X[i] + W[i] << 2", (5, 3), 32),
        ("X[i] + (W[i] << 2)", (5, 3), 17),
        ("max(X[i], W[i], 4)", (2, 3), 4),
        ("min(X[i], W[i], -4)", (2, 3), -4),
        ("abs(X[i] - W[i])", (2, 3), 1),
        ("-(X[i])", (2, 0), -2),
        ("X[i] * X[i] + W[i]", (3, 1), 10),
    ],
)
def test_bodies(text: str, values: tuple[int, int], result: int) -> None:
    assert evaluate(parse(f"Y[i] += {text}").body, values) == result


def test_the_same_access_is_one_input() -> None:
    said = parse("Y[i] += X[i] * X[0+i] + X[j]")
    assert [access.map.rows for access in said.inputs] == [((1, 0, 0),), ((0, 1, 0),)]


@pytest.mark.parametrize("sign", list(Reduction))
@pytest.mark.parametrize("space", ["", " "])
def test_assignments(sign: Reduction, space: str) -> None:
    assert parse(f"Y[i]{space}{sign}{space}X[i]").reduction is sign


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("Y[i] += X[i*j]", "E111", 11),
        ("Y[i] += X[k] * W[i,  j//2]", "E111", 22),
        ("  Y[i] += X[i] *   W[j%2]", "E111", 22),
        ("Y[q] += X[i]", "E112", 3),
        ("Y[i] += X[i] + foo(X[j])", "E113", 16),
        ("Y[i] += X[i] + 99999999999", "E114", 16),
        ("Y[i] += X[i] +", "E110", 15),
        ("Y[i] =+= X[i]", "E110", 7),
    ],
)
def test_columns(text: str, code: str, column: int) -> None:
    error = refusal(text)
    assert error.loc is not None
    assert (error.code, error.loc.column - HERE.column + 1) == (code, column)


@pytest.mark.parametrize(
    ("scalar", "line", "column"),
    [
        ('"Y[i] += X[i*i]"', 1, 25),
        ("'Y[i] += X[i*i]'", 1, 25),
        ("Y[i] += X[i*i]", 1, 24),
        ("|\n      Y[i] += X[i*i]\n", 2, 17),
        (">\n      Y[i] +=\n      X[i*i]\n", 3, 9),
        ('"Y[i] +=\n        X[i*i]"', 2, 11),
        ("Y[i]\n      +=   X[i*i]", 2, 14),
        ("'Y[i] +=   \n\t  X[i*i]'", 2, 6),
    ],
)
def test_positions_in_every_style_of_scalar(scalar: str, line: int, column: int) -> None:
    text = f"name: a\noperations:\n- name: b\n  loops: {{i: 2}}\n  statement: {scalar}\n"
    with pytest.raises(LegoError) as caught:
        load_text(text, "w.yaml")
    assert caught.value.code == "E111"
    assert caught.value.loc == Loc("w.yaml", 4 + line, column)


def test_an_escaped_statement_is_located_at_its_start() -> None:
    text = 'name: a\noperations:\n- name: b\n  loops: {i: 2}\n  statement: "Y[i] \\x2b= X[i*i]"\n'
    with pytest.raises(LegoError) as caught:
        load_text(text, "w.yaml")
    assert caught.value.loc == Loc("w.yaml", 5, 14)


def number(value: int) -> Constant:
    return Constant(value, EXACT)


def call(fn: Fn, *args: Body) -> Apply:
    return Apply(fn, args, EXACT)


def literals() -> st.SearchStrategy[Body]:
    return st.integers(-(2**31) + 1, 2**31 - 1).map(number)


def bodies(inputs: int) -> st.SearchStrategy[Body]:
    """Expressions over the operands, at most some 20 nodes."""
    leaves = st.one_of(st.integers(0, inputs - 1).map(lambda k: Value(k, EXACT)), literals())
    shifts = (Fn.SHL, Fn.SHIFT)
    plain = (Fn.ADD, Fn.SUB, Fn.MUL, Fn.MAX, Fn.MIN)

    def grow(below: st.SearchStrategy[Body]) -> st.SearchStrategy[Body]:
        return st.one_of(
            st.builds(call, st.sampled_from((Fn.NEG, Fn.ABS)), below),
            st.builds(call, st.sampled_from(plain), below, below),
            st.builds(call, st.sampled_from(shifts), below, st.integers(0, 62).map(number)),
        )

    return st.recursive(leaves, grow, max_leaves=10)


def maps() -> st.SearchStrategy[AffineMap]:
    number = st.integers(-99, 99)
    rows = st.tuples(*[number] * len(LOOPS))
    return st.lists(st.tuples(rows, number), min_size=1, max_size=4).map(
        lambda parts: AffineMap(tuple(r for r, _ in parts), tuple(b for _, b in parts))
    )


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Operations whose body uses every input, in order of first use."""
    count = draw(st.integers(1, 4))
    inputs = draw(
        st.lists(
            st.builds(Place, st.sampled_from(["X", "W", "max", "a1"]), maps()),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    body = draw(bodies(count))
    for index in range(count):
        body = call(Fn.ADD, Value(count - 1 - index, EXACT), body)
    order = list(dict.fromkeys(operands(body)))
    place, how = Place("Y", draw(maps())), draw(st.sampled_from(Reduction))
    return Operation(
        "op",
        tuple(Loop(name, 4) for name in LOOPS),
        (Output(place, renamed(body, order), how),),
        tuple(inputs[index] for index in order),
    )


def renamed(body: Body, order: list[int]) -> Body:
    match body:
        case Value(index):
            return Value(order.index(index), EXACT)
        case Apply(fn, args):
            return call(fn, *(renamed(arg, order) for arg in args))
    return body


@settings(max_examples=120, deadline=None)
@given(operations())
def test_print_then_parse(op: Operation) -> None:
    said = parse(render_statement(op))
    assert Output(said.output, said.body, said.reduction) == op.output
    assert said.inputs == op.inputs


TOKENS = [
    "Y[i]",
    "X[",
    "X",
    "W",
    "i",
    "j",
    "k",
    "[",
    "]",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "<<",
    ">>",
    "=",
    "==",
    "+=",
    "-=",
    "max=",
    "min=",
    "max(",
    "min(",
    "abs(",
    "max",
    "min",
    "abs",
    "0",
    "1",
    "31",
    "32",
    "07",
    "0x1",
    "1.5",
    "1e9",
    "99999999999",
    "not",
    "lambda",
    ":",
    ":=",
    "if",
    "else",
    "for",
    "in",
    "~",
    "@",
    "&",
    "|",
    "^",
    ".",
    "...",
    "#",
    "'",
    "\\",
    "{",
    "}",
    "await",
    "yield",
    "None",
    "True",
    "__import__",
    "é",
    "\n",
    "\t",
    "\x00",
]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=40), st.sampled_from(["", " "]))
def test_token_soup_is_read_or_refused(tokens: list[str], glue: str) -> None:
    read_or_refused("Y[i] += " * bool(tokens) + glue.join(tokens))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_garbage_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


@settings(max_examples=80, deadline=None)
@given(operations(), st.data())
def test_a_damaged_statement_is_read_or_refused(op: Operation, data: st.DataObject) -> None:
    text = render_statement(op)
    at = data.draw(st.integers(0, len(text)))
    insert = data.draw(st.sampled_from(TOKENS))
    read_or_refused(text[:at] + insert + text[at + data.draw(st.integers(0, 3)) :])


def read_or_refused(text: str) -> None:
    try:
        parse(text)
    except LegoError as error:
        assert error.code in {"E110", "E111", "E112", "E113", "E114"}
        assert error.loc is not None
        assert HERE.column <= error.loc.column <= HERE.column + len(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 900, "-" * 1900, "abs(" * 450, "[" * 900, "not " * 450, "X[i]+" * 390, "X[i]<<" * 300],
)
def test_deep_expressions_are_refused(text: str) -> None:
    for tail in ("", "X[i]", "1"):
        assert refusal(f"Y[i] += {text}{tail}").code in ("E110", "E113")


def test_64_levels_are_read() -> None:
    assert parse("Y[i] += X[i]" + " + 1" * 60).reduction is Reduction.ADD


def test_all_pairs_of_operators_bind_as_in_python() -> None:
    """`a op b op c` means what Python means, for numbers."""
    shifts = ("<<", ">>")
    for first, second in itertools.product(["+", "-", "*", *shifts], repeat=2):
        for shape in ("X[i] {} {} {} 3", "X[i] {} ({} {} 3)"):
            second_operand = "2" if {first, second} & {*shifts} else "W[i]"
            text = shape.format(first, second_operand, second)
            if "(" in text and first in shifts:
                continue
            meaning = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
            meaning |= {"<<": int.__lshift__, ">>": int.__rshift__}
            strength = {"<<": 0, ">>": 0, "+": 1, "-": 1, "*": 2}
            left_first = "(" not in text and strength[first] >= strength[second]
            if not left_first and first in shifts:
                continue
            if left_first:
                expected = meaning[second](meaning[first](-7, 2), 3)
            else:
                expected = meaning[first](-7, meaning[second](2, 3))
            assert evaluate(parse(f"Y[i] += {text}").body, (-7, 2)) == expected
