"""Arguments and options of the commands, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lego.ir.fused import Method
from lego.ir.hardware import MemoryStyle

__all__ = [
    "AnswerFile",
    "Attention",
    "Bases",
    "Bounds",
    "Clock",
    "Data",
    "Design",
    "Device",
    "Dim",
    "Dump",
    "DumpAfter",
    "EveryFu",
    "Extract",
    "ExtractFile",
    "File",
    "FileOrCode",
    "Flat",
    "Folder",
    "Formats",
    "Fusion",
    "InPart",
    "Input",
    "InputFile",
    "Json",
    "Level",
    "Liberty",
    "MaxFanout",
    "Module",
    "Network",
    "OneDesign",
    "OntoChip",
    "OperandSeed",
    "Operation",
    "Ops",
    "OutFolder",
    "Passes",
    "PictureFolder",
    "PictureForm",
    "PowerClock",
    "Quantize",
    "RecordActivity",
    "Registers",
    "Require",
    "RequireClock",
    "Resume",
    "SramMap",
    "Stats",
    "Stimuli",
    "Strict",
    "Style",
    "Then",
    "Timeline",
    "Verified",
    "VerifyPasses",
    "Waves",
    "WeightSeed",
]

File = Annotated[Path, typer.Argument(help="Workload file (.yaml).")]
Folder = Annotated[Path, typer.Argument(help="Artefact folder, such as rtl_out/gemm.")]
Quantize = Annotated[
    str | None,
    typer.Option(help="qoq_g128, qoq_channel, svdquant_r32 or coat_fp8: change the layers."),
]
Attention = Annotated[
    str | None, typer.Option(help="dense, duo or quest: change which keys are read.")
]
Module = Annotated[
    str | None,
    typer.Option(help="A module of your own, path.py:Class; the file is run. Needs --input."),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        help="Shape of an input in order, such as 1,3,224,224; of a module also 1,128:int64, of an ONNX file "
        "x=1,3,224,224."
    ),
]
Dim = Annotated[
    list[str] | None,
    typer.Option(help="Size of an open dimension of an ONNX file, such as batch=1."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Design = Annotated[
    str | None,
    typer.Option(help="Operation, or OPERATION.DATAFLOW; all of them by default."),
]
Fusion = Annotated[
    Method,
    typer.Option(help="How dataflows share the array: exact proves the least cost."),
]
Style = Annotated[
    MemoryStyle | None,
    typer.Option(
        "--memory-style",
        help="How data nodes use banks and macros, for comparison; overrides the file.",
    ),
]

# compile
OutFolder = Annotated[
    str, typer.Option("-o", "--out", metavar="PATH", help="Parent of the output folder.")
]
Dump = Annotated[bool, typer.Option("--dump", help="Also write the intermediate representations.")]
DumpAfter = Annotated[
    str | None,
    typer.Option(metavar="PASS", help="Also write the graph of primitives after this pass."),
]
Level = Annotated[
    int | None,
    typer.Option("-O", "--level", help="Optimisation level: 0, 1, or 2 by default."),
]
Passes = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Passes to run instead of a level's, such as widths,delays; or none.",
    ),
]
MaxFanout = Annotated[
    int | None,
    typer.Option(help="Pins that a register may drive before it is copied; 16 by default."),
]
Clock = Annotated[
    str | None,
    typer.Option(help="Clock to aim at, such as 1GHz or 1.25ns; `lego ppa` says if it is met."),
]
SramMap = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Macros of a memory compiler (YAML) that memories are made of."
    ),
]
OntoChip = Annotated[
    Path | None,
    typer.Option(
        "--onto",
        metavar="FOLDER",
        help="A chip that exists, such as rtl_out/chip: programs for it, no Verilog.",
    ),
]
VerifyPasses = Annotated[
    bool, typer.Option("--verify", help="Check the result of every pass, and say so.")
]
Stats = Annotated[bool, typer.Option("--stats", help="Print what every pass did, and its time.")]

# sim, program
OperandSeed = Annotated[int, typer.Option(help="Seed of the operands.")]
Bounds = Annotated[list[str] | None, typer.Option(help="Run-time loop bound, such as m=50.")]
Waves = Annotated[bool, typer.Option("--waves", help="Write waves.vcd into the folder.")]
Stimuli = Annotated[
    bool,
    typer.Option("--stimuli", help="Write the files that tb.sv plays in any simulator."),
]
Timeline = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Of a device: draw when its engines work, as .svg or .html."),
]
RecordActivity = Annotated[
    bool,
    typer.Option(
        help="Record switching for `lego ppa` on the way (a model of a large array takes "
        "twice as long to build)."
    ),
]

# ppa
Liberty = Annotated[Path | None, typer.Option(help="Liberty cell library; FreePDK45 by default.")]
Flat = Annotated[
    bool,
    typer.Option(
        "--flat",
        help="Flatten: takes longer, logic about 1 % smaller; cells count as what they come from.",
    ),
]
PowerClock = Annotated[
    str | None,
    typer.Option(
        help="Clock for power, such as 1GHz, 900ps, or 1.1 (ns); the least period by default."
    ),
]
RequireClock = Annotated[
    bool,
    typer.Option(
        "--require-clock",
        help="End with status 2 unless the clock of `lego compile --clock` is met; otherwise "
        "a clock missed is a warning, with status 0.",
    ),
]

# trace
Network = Annotated[
    str | None,
    typer.Argument(
        help="ONNX file, workload file with `model:`, or a name that `lego models` lists."
    ),
]
Ops = Annotated[bool, typer.Option("--ops", help="List every operation and its loops.")]
Extract = Annotated[
    str | None, typer.Option(help="Print this contraction as a workload that compiles.")
]
ExtractFile = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="PATH", help="File for --extract instead of stdout."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop if an operation is left to the host.")]

# verify
Verified = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help="ONNX file, workload file with `model:`, or a name that `lego models` lists.",
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        help="Number formats of contractions: w8a8 (default), w8a8_shift, w8a8_tensor, "
        "w4a8_g128, w4a4_g64, fp8, fp8_e5m2, bf16; own: the network's (default with "
        "--quantize or --attention)."
    ),
]
Require = Annotated[
    float | None,
    typer.Option(
        metavar="ERROR",
        help="End with status 2 if a layer's or an output's relative error in the formats is "
        "above it, such as 0.05.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="NPZ file with an array per input; its first axis are samples."),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda: where the nests run.")]
WeightSeed = Annotated[int, typer.Option(help="Seed of weights and inputs.")]

# draw
PictureFolder = Annotated[
    str, typer.Option("-o", "--out", metavar="PATH", help="Folder for the pictures.")
]
Operation = Annotated[
    str | None, typer.Option(help="Operation, or OPERATION.DATAFLOW; all by default.")
]
PictureForm = Annotated[
    str, typer.Option("--format", help="svg, html (one tab per dataflow) or dot.")
]
EveryFu = Annotated[bool, typer.Option("--every", help="Draw every FU, also where many are alike.")]

# program
OneDesign = Annotated[
    str | None,
    typer.Option(help="Operation, or OPERATION.DATAFLOW; needed where there are several."),
]
Bases = Annotated[
    list[str] | None, typer.Option(help="First word address of an operand, such as X=128.")
]
InPart = Annotated[
    int,
    typer.Option(
        help="Part, or half, of memories with `double_buffer`; bases count from its start."
    ),
]
Then = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[DESIGN:]BOUNDS",
        help="A run behind it out of the queue, such as m=50,k=8 or mm.ws: or mm.ws:m=50.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from what the memory of results holds.")
]

# explain
FileOrCode = Annotated[str, typer.Argument(help="Workload file, or error code such as E122.")]
Registers = Annotated[
    bool,
    typer.Option("--registers", help="Also say how every register follows from the loops' bounds."),
]
InputFile = Annotated[
    Path | None,
    typer.Option(
        help="An .npz file with an array of integers per input; drawn from --seed if absent."
    ),
]
AnswerFile = Annotated[
    Path | None, typer.Option("--out", "-o", help="An .npz file for the outputs.")
]
