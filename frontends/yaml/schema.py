"""The form of a workload file, as pydantic models; `json_schema` publishes it for editors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema, WrapValidator

__all__ = ["ArchitectureForm", "DataflowForm", "OperationForm", "WorkloadForm", "json_schema"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]
FormatName = Annotated[
    str, Field(pattern=r"^u?int[0-9]{1,2}$", examples=["int8", "uint4", "int32"])
]
Switch = Annotated[
    Literal["yes", "no"],
    # editors that read YAML 1.1 take yes and no for booleans
    Field(json_schema_extra={"enum": ["yes", "no", True, False], "type": ["string", "boolean"]}),
]
Doubled = Annotated[
    Literal["yes", "no", "parts"],
    Field(
        json_schema_extra={
            "enum": ["yes", "no", "parts", True, False],
            "type": ["string", "boolean"],
        }
    ),
]
Size = Annotated[int, Field(ge=1, le=2**31, strict=True)]
_SIZE = TypeAdapter(Size)
_WORD = re.compile(r"(?<![0-9A-Za-z_.])[A-Za-z_]")


def _is_affine(value: object) -> bool:
    """Whether a bound is more than a number: text that names something."""
    return isinstance(value, str) and bool(_WORD.search(value))


def _bound(value: object, _: Callable[[object], Any]) -> Any:
    """A number, text with a loop in it, or two of these."""
    if _is_affine(value) or (isinstance(value, list) and len(value) > 1):
        return value
    return _SIZE.validate_python(value)


_TEXT = {"type": "string", "examples": ["i+1", "min(i+4, 64)", "64-i"]}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 2**31}
Bound = Annotated[
    int | str | list[Any],
    WrapValidator(_bound),
    WithJsonSchema(
        {
            "anyOf": [
                _NUMBER | {"minimum": 1},
                _TEXT,
                {
                    "type": "array",
                    "items": {"anyOf": [_NUMBER, _TEXT]},
                    "minItems": 2,
                    "maxItems": 2,
                    "examples": [["max(i-3, 0)", "min(i+4, 64)"]],
                },
            ]
        }
    ),
]
"""A loop's range: the first value that it doesn't reach, or the first and that."""
Cost = Annotated[int, Field(ge=1, le=1024, strict=True)]
_UNIT = re.compile(r"([1-9][0-9]{0,9}) ?([KM])iB")


def _bytes(value: object, _: Callable[[object], Any]) -> int:
    """A number of bytes, or of KiB or MiB."""
    if isinstance(value, str) and (found := _UNIT.fullmatch(value)):
        value = int(found[1]) << {"K": 10, "M": 20}[found[2]]
    return _SIZE.validate_python(value)


Bytes = Annotated[
    int,
    WrapValidator(_bytes),
    WithJsonSchema(
        {
            "anyOf": [
                _NUMBER | {"minimum": 1},
                {"type": "string", "pattern": f"^{_UNIT.pattern}$", "examples": ["64KiB", "1MiB"]},
            ]
        }
    ),
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataflowForm(_Form):
    """Which loops run over the array, and the order of time."""

    name: Name = Field(default="user", description="Name of the dataflow, for reports.")
    spatial: dict[Name, Size] = Field(
        description="Loop: number of FUs, one entry per array axis, in order.",
        min_length=1,
        max_length=3,
    )
    temporal: list[Name] = Field(
        default_factory=list,
        description="Loops from the outermost to the innermost; loops not named come before them.",
    )
    control: (
        Literal["systolic", "broadcast"] | list[Annotated[int, Field(ge=0, le=8, strict=True)]]
    ) = Field(
        default="systolic", description="systolic, broadcast, or cycles of skew per array axis."
    )


class OperationForm(_Form):
    """One statement over loops."""

    name: Name = Field(description="Name of the operation; part of the Verilog module's name.")
    loops: dict[Name, Bound] = Field(
        description="Loop: largest bound, a number or affine in the loops before it, such as i+1, "
        "or [first, bound]. Smaller bounds can be set at run time.",
        min_length=1,
        max_length=12,
    )
    statement: str = Field(
        description="T[indices] += body, or max=, min=, =. Indices are affine in the loops.",
        examples=["Y[m,n] += X[m,k] * W[k,n]"],
    )
    formats: dict[Name, FormatName] = Field(
        description="Number format per tensor: int2..int32 or uint1..uint32.", default_factory=dict
    )
    pad: dict[Name, Annotated[int, Field(strict=True)]] = Field(
        default_factory=dict,
        description="Value read outside a tensor; without it, no access may leave.",
    )
    shapes: dict[Name, list[Size]] = Field(
        default_factory=dict,
        description="Extents of a tensor; by default the largest index that is used, plus one.",
    )
    dataflow: DataflowForm | None = Field(default=None, description="Mapping; chosen if absent.")
    dataflows: list[DataflowForm] | None = Field(
        default=None,
        description="Several mappings, each with its own name; one is chosen at run time.",
        min_length=1,
        max_length=8,
    )


class RoomForm(_Form):
    """What a chip is built for beyond the operations in its file."""

    counters: Annotated[int, Field(ge=1, le=12, strict=True)] = Field(
        default=7, description="Counters of the sequencer, at least."
    )
    trips: Annotated[int, Field(ge=1, le=2**16, strict=True)] = Field(
        default=4096, description="Most trips of every counter, at least."
    )
    reduction: Annotated[int, Field(ge=1, le=2**31, strict=True)] = Field(
        default=65536, description="Terms of a sum that FUs and memories must have bits for."
    )


class ArchitectureForm(_Form):
    """Limits of the hardware."""

    array: list[Size] | None = Field(
        default=None, description="FUs per axis.", min_length=1, max_length=3
    )
    memories: dict[Name, Bytes] = Field(
        default_factory=dict,
        description="Largest memory per tensor, in bytes, or as 64KiB, 1MiB; with room or parts, its memory "
        "has as much.",
    )
    fused: Switch = Field(
        default="yes",
        description="yes: all operations and dataflows share one array; no: one design for each.",
    )
    dma_bits: Literal[32, 64, 128, 256, 512] | None = Field(
        default=None,
        description="Width of the host's data port; several banks' words move in one cycle.",
    )
    read_cost: Cost | None = Field(
        default=None,
        description="Energy of a memory read, in that of a register as wide, per cycle; by the SRAM "
        "model if absent.",
    )
    memory_style: Literal["cheapest", "at-once", "narrow", "wide"] = Field(
        default="cheapest",
        description="For comparison: narrow: a macro per bank; at-once: besides, no bank serves several "
        "data nodes in turn; wide: macros of several banks wherever possible.",
    )
    double_buffer: Doubled = Field(
        default="no",
        description="yes: two halves per memory; the host loads one while the array uses the other. parts: "
        "only where the array adds to results; of other memories the host uses some words while the array "
        "uses others.",
    )
    resume: Switch = Field(
        default="no",
        description="yes: reductions can go on from what the memory of results holds, by a register.",
    )
    room: RoomForm | None = Field(
        default=None,
        description="What depends on the operation is in registers as wide as this; built in if absent.",
    )
    queue: Literal[0, 2, 4, 8, 16, 32, 64] = Field(
        default=0,
        description="Words of a queue of writes of registers and starts, so that runs follow each other.",
    )
    interface: Literal["host", "axi"] = Field(
        default="host",
        description="axi: a device with AXI4 ports that runs programs out of DRAM; host: the array with a "
        "host port.",
    )


class WorkloadForm(_Form):
    """A workload file."""

    name: Name = Field(description="Name of the workload and of its output folder.")
    operations: list[OperationForm] = Field(
        description="In program order; one may read what an earlier one wrote.",
        min_length=1,
        max_length=64,
    )
    architecture: ArchitectureForm = Field(
        description="Limits of the hardware.", default_factory=ArchitectureForm
    )


def json_schema() -> dict[str, Any]:
    """JSON schema of workload files."""
    form = WorkloadForm.model_json_schema()
    described = form["properties"]["architecture"]
    named = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,31}$", "examples": ["edge"]}
    about = "Limits of the hardware, or the name of a file that holds them."
    form["properties"]["architecture"] = {
        "anyOf": [{"$ref": described["$ref"]}, named],
        "description": about,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "lego/workload/1",
        **form,
    }
