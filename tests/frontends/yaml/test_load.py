"""What workload files mean, and that no file ends in anything but a workload or an error."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from frontends.yaml import json_schema, load_text, load_workload
from frontends.yaml.compose import compose_text
from lego.diag import LegoError, Loc
from lego.ir.constants import Constant
from lego.ir.formats import INT8, INT32
from lego.ir.keywords import KEYWORDS
from lego.ir.network import Buffer, Role
from lego.ir.operation import Loop, Reduction
from lego.ir.workload import DataflowSpec
from tests.designs import shipped

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = shipped()
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))

CONV = """\
name: conv3x3
operations:
  - name: conv
    loops: {n: 1, oc: 32, oh: 28, ow: 28, ic: 16, kh: 3, kw: 3}
    statement: "Y[n,oc,oh,ow] += X[n,ic,2*oh+kh-1,2*ow+kw-1] * W[oc,ic,kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    pad: {X: 0}
    shapes: {X: [1, 16, 56, 56]}
    dataflow: {spatial: {oc: 16, ow: 16}, temporal: [oh, ic, kh, kw], control: systolic}
architecture: {array: [16, 16], memories: {X: 65536}}
"""


def test_convolution() -> None:
    workload = load_text(CONV, "c.yaml")
    (op,) = workload.operations
    assert workload.name == "conv3x3"
    assert workload.network.buffers == (
        Buffer("Y", (1, 32, 28, 28), INT32, Role.RESULT),
        Buffer("X", (1, 16, 56, 56), INT8, Role.INPUT),
        Buffer("W", (32, 16, 3, 3), INT8, Role.INPUT),
    )
    assert (workload.network.inputs, workload.network.outputs) == (("X", "W"), ("Y",))
    assert [place.pad for place in op.inputs] == [Constant(0, INT8), None]
    assert op.loops[1] == Loop("oc", 32)
    assert op.output.reduction is Reduction.ADD
    assert op.inputs[0].map((0, 0, 3, 4, 5, 1, 2)) == (0, 5, 6, 9)
    assert workload.dataflows == (
        (
            DataflowSpec(
                "user",
                (("oc", 16), ("ow", 16)),
                ("oh", "ic", "kh", "kw"),
                (1, 1),
                Loc("c.yaml", 9, 15),
            ),
        ),
    )
    assert workload.architecture.array == (16, 16)
    assert workload.architecture.memory_bits == (("X", 524288),)


def two(first: str, second: str, rest: str = "") -> str:
    """A workload of two operations over i < 8."""
    return (
        "name: two\noperations:\n"
        f'  - {{name: a, loops: {{i: 8}}, statement: "{first}", formats: {{X: int8, Y: int8}}}}\n'
        f'  - {{name: b, loops: {{i: 6}}, statement: "{second}", formats: {{Z: int8}}{rest}}}\n'
    )


def test_an_operation_reads_what_an_earlier_one_wrote() -> None:
    workload = load_text(two("Y[i] = X[i]", "Z[i] = Y[i+2]"))
    assert [tensor.shape for tensor in workload.network.buffers] == [(8,), (8,), (6,)]


def test_the_writer_gives_the_shape_and_the_reader_the_padding() -> None:
    workload = load_text(two("Y[i] = X[i]", "Z[i] = Y[i+4]", ", pad: {Y: 3}"))
    assert workload.network.buffer("Y") == Buffer("Y", (8,), INT8)
    assert workload.operation("b").inputs[0].pad == Constant(3, INT8)
    assert workload.network.outputs == ("Z",)


def test_readers_share_the_largest_shape() -> None:
    assert load_text(two("Y[i] = X[i]", "Z[i] = X[2*i]")).network.buffer("X").shape == (11,)


def test_a_later_operation_needs_no_format_for_a_known_tensor() -> None:
    assert load_text(two("Y[i] = X[i]", "Z[i] = Y[i]")).network.buffer("Y").format == INT8


@pytest.mark.parametrize(
    ("control", "array", "expected"),
    [("systolic", "", (1, 1)), ("broadcast", "", (0, 0)), ("[2, 0]", "[4, 9]", (2, 0))],
)
def test_control_and_array(control: str, array: str, expected: tuple[int, ...]) -> None:
    limits = f"architecture: {{array: {array}}}\n" if array else ""
    workload = load_text(
        "name: g\noperations:\n- name: mm\n  loops: {m: 8, n: 8, k: 8}\n"
        '  statement: "Y[m,n] += X[m,k] * W[k,n]"\n  formats: {X: int8, W: int8, Y: int32}\n'
        f"  dataflow: {{spatial: {{m: 4, n: 2}}, control: {control}}}\n{limits}"
    )
    ((flow,),) = workload.dataflows
    assert flow.control == expected
    assert flow.temporal == ()
    assert workload.architecture.array == ((4, 9) if array else (4, 2))


@pytest.mark.parametrize("size", ["65536", "64KiB", "64 KiB", "'64KiB'"])
def test_memories_have_bytes_or_larger_units(size: str) -> None:
    workload = load_text(CONV.replace("65536", size))
    assert workload.architecture.memory_bits == (("X", 8 * 65536),)
    jsonschema.validate(yaml.safe_load(CONV.replace("65536", size)), json_schema())
    larger = load_text(CONV.replace("65536", "1MiB"))
    assert larger.architecture.memory_bits == (("X", 8 << 20),)


@pytest.mark.parametrize("size", ["64kb", "0KiB", "1.5MiB", "KiB", "-1KiB"])
def test_other_units_are_refused_with_an_example(size: str) -> None:
    with pytest.raises(LegoError, match=r"E102.*memories\.X") as caught:
        load_text(CONV.replace("65536", size), "c.yaml")
    assert caught.value.loc == Loc("c.yaml", 10, CONV.splitlines()[9].index("65536") + 1)
    assert "64KiB" in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(CONV.replace("65536", size)), json_schema())


def test_a_memory_has_at_most_two_gigabytes() -> None:
    with pytest.raises(LegoError, match=r"E102.*at most 2147483648"):
        load_text(CONV.replace("65536", "2049MiB"))


def test_no_dataflow_means_the_default_array() -> None:
    workload = load_text(two("Y[i] = X[i]", "Z[i] = X[i]"))
    assert workload.dataflows == ((), ())
    assert workload.architecture.array == (16, 16)


@pytest.mark.parametrize(
    "fmt", [f"int{b}" for b in range(2, 33)] + [f"uint{b}" for b in range(1, 33)]
)
def test_every_format(fmt: str) -> None:
    text = two("Y[i] += X[i]", "Z[i] += X[i]").replace("X: int8", f"X: {fmt}")
    assert str(load_text(text).network.buffer("X").format) == fmt


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_no_keyword_is_a_name(word: str) -> None:
    for name in {word, word.upper(), word.capitalize()}:
        with pytest.raises(LegoError) as caught:
            load_text(CONV.replace("conv3x3", name))
        assert (caught.value.code, caught.value.loc) == ("E104", Loc("workload.yaml", 1, 7))


def test_strings_stay_strings() -> None:
    root = compose_text(b"a: no\nb: 010\nc: 1e3\nd: 2001-01-01\ne: ~\nf: .nan\n", "w.yaml")
    values = [getattr(item.value, "text", None) for item in root.items]
    assert values == ["no", "010", "1e3", "2001-01-01", "~", ".nan"]


def test_line_ends_of_other_systems() -> None:
    assert load_text(CONV.replace("\n", "\r\n")).name == "conv3x3"


def test_order_and_number_of_errors() -> None:
    text = CONV.replace("oc: 32", "oc: 32, reg: 2").replace("kw]", "kq]")
    with pytest.raises(LegoError) as caught:
        load_text(text, "c.yaml")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines if not line.startswith(" ")] == [
        "c.yaml:4:27",
        f"c.yaml:5:{text.splitlines()[4].index('kq') + 1}",
        f"c.yaml:9:{text.splitlines()[8].index('kq') + 1}",
    ]


def test_json_schema_accepts_what_loads() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in [*SHIPPED, *SMALL]:
        validator.validate(yaml.safe_load(path.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"name": "x", "operations": [], "colour": 1})


def test_json_schema_describes_every_key() -> None:
    schema = json_schema()
    for form in (schema, *schema["$defs"].values()):
        for key, value in form["properties"].items():
            assert value.get("description") or "$ref" in value, key
    json.dumps(schema)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_workloads_have_modest_sizes(path: Path) -> None:
    """Files of one dataflow: up to 300,000 iterations; fused designs: 600,000 per dataflow."""
    workload = load_workload(path)
    runs = [
        op.iterations
        for op, flows in zip(workload.operations, workload.dataflows, strict=True)
        for _ in flows or (None,)
    ]
    assert sum(runs) <= (300_000 if len(runs) == 1 else 600_000 * len(runs))


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_test_workloads_are_small_and_on_4x4(path: Path) -> None:
    workload = load_workload(path)
    assert workload.name == path.stem
    assert max(workload.architecture.array) <= 4
    assert sum(op.iterations for op in workload.operations) <= 12_000


PIECES = [
    "name",
    "operations",
    "loops",
    "statement",
    "formats",
    "pad",
    "shapes",
    "dataflow",
    "architecture",
    "array",
    "memories",
    ":",
    ",",
    "-",
    "{",
    "}",
    "[",
    "]",
    "&",
    "*",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    "#",
    "?",
    "<<",
    "0",
    "1",
    "-1",
    "4294967296",
    "no",
    "~",
    ".inf",
    "int8",
    "\n",
    "\t",
    "\r",
    "\x00",
    "é",
    "\ufeff",
]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    text = CONV
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        piece = data.draw(st.sampled_from(PIECES))
        text = text[:at] + piece + text[at + data.draw(st.integers(0, 6)) :]
    read_or_refused(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data)


def read_or_refused(data: bytes) -> None:
    try:
        compose_text(data, "w.yaml")
        load_text(data.decode(), "w.yaml")
    except LegoError as error:
        assert error.loc is not None
        assert error.loc.path == "w.yaml"
        assert 1 <= error.loc.line <= data.count(b"\n") + data.count(b"\r") + 1
        assert error.loc.column >= 1
        assert error.hint
