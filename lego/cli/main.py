"""The command line. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from lego.cli.common import guarded, path_given
from lego.cli.passes import HelpWithPasses, PassOptions
from lego.ir.fused import Method

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From affine tensor loop nests to spatial accelerators in Verilog, proven and priced.",
    epilog="Example: lego compile workloads/gemm.yaml && lego sim rtl_out/gemm && lego ppa rtl_out/gemm",
)

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


@app.command(cls=HelpWithPasses)
def compile(
    file: File,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="PATH", help="Parent of the output folder.")
    ] = "rtl_out",
    dump: Annotated[
        bool, typer.Option("--dump", help="Also write the intermediate representations.")
    ] = False,
    dump_after: Annotated[
        str | None,
        typer.Option(metavar="PASS", help="Also write the graph of primitives after this pass."),
    ] = None,
    fusion: Fusion = Method.EXACT,
    level: Annotated[
        int | None,
        typer.Option("-O", "--level", help="Optimisation level: 0, 1, or 2 by default."),
    ] = None,
    passes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Passes to run instead of a level's, such as widths,delays; or none.",
        ),
    ] = None,
    max_fanout: Annotated[
        int | None,
        typer.Option(help="Pins that a register may drive before it is copied; 16 by default."),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="Clock to aim at, such as 1GHz or 1.25ns; `lego ppa` says if it is met."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the result of every pass, and say so.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Print what every pass did, and its time.")
    ] = False,
    json: Json = False,
) -> None:
    """Compile a workload to Verilog, registers, layouts and a report in OUT/NAME."""
    from lego.cli.compile import compile_file

    how = PassOptions(level, passes, max_fanout, verify, dump_after, clock, stats)
    guarded(lambda: compile_file(file, path_given(out), dump, Method(fusion), how, json))


@app.command(epilog="Example: lego check workloads/conv2d.yaml")
def check(file: File, fusion: Fusion = Method.EXACT) -> None:
    """Read a workload and print its architecture; writes nothing."""
    from lego.cli.compile import check_file

    guarded(lambda: check_file(file, Method(fusion)))


@app.command(epilog="Example: lego sim rtl_out/gemm --bound m=50 --bound k=29 --waves")
def sim(
    folder: Folder,
    design: Design = None,
    seed: Annotated[int, typer.Option(help="Seed of the operands.")] = 0,
    bound: Annotated[
        list[str] | None, typer.Option(help="Run-time loop bound, such as m=50.")
    ] = None,
    waves: Annotated[
        bool, typer.Option("--waves", help="Write waves.vcd into the folder.")
    ] = False,
    stimuli: Annotated[
        bool,
        typer.Option("--stimuli", help="Write the files that tb.sv plays in any simulator."),
    ] = False,
    activity: Annotated[
        bool,
        typer.Option(
            help="Record switching for `lego ppa` on the way (a model of a large array takes "
            "twice as long to build)."
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Simulate in Verilator and compare every element with the reference."""
    from lego.cli.simulate import simulate_folder

    guarded(
        lambda: simulate_folder(folder, design, seed, bound or [], waves, stimuli, activity, json)
    )


@app.command(
    epilog="Example: lego ppa rtl_out/gemm --clock 1GHz; lego ppa rtl_out/gemm --require-clock"
)
def ppa(
    folder: Folder,
    liberty: Annotated[
        Path | None, typer.Option(help="Liberty cell library; FreePDK45 by default.")
    ] = None,
    flat: Annotated[
        bool,
        typer.Option(
            "--flat",
            help="Flatten: takes longer, logic about 1 % smaller; cells count as what they come from.",
        ),
    ] = False,
    clock: Annotated[
        str | None,
        typer.Option(
            help="Clock for power, such as 1GHz, 900ps, or 1.1 (ns); the least period by default."
        ),
    ] = None,
    require_clock: Annotated[
        bool,
        typer.Option(
            "--require-clock",
            help="End with status 2 unless the clock of `lego compile --clock` is met; otherwise "
            "a clock missed is a warning, with status 0.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Synthesise on a cell library: area, clock, power."""
    from lego.cli.price import price_folder

    guarded(lambda: price_folder(folder, liberty, flat, clock, require_clock, json))


@app.command(
    epilog="Examples: lego trace workloads/sana.yaml; lego trace resnet50 --ops; lego trace "
    "net.onnx --dim batch=1; lego trace --module mine.py:Net --input 1,3,224,224"
)
def trace(
    what: Annotated[
        str | None,
        typer.Argument(
            help="ONNX file, workload file with `model:`, or a name that `lego models` lists."
        ),
    ] = None,
    module: Module = None,
    input: Input = None,
    dim: Dim = None,
    ops: Annotated[bool, typer.Option("--ops", help="List every operation and its loops.")] = False,
    extract: Annotated[
        str | None, typer.Option(help="Print this contraction as a workload that compiles.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="PATH", help="File for --extract instead of stdout."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop if an operation is left to the host.")
    ] = False,
    quantize: Quantize = None,
    attention: Attention = None,
    json: Json = False,
) -> None:
    """Lower a network of the catalogue, or of an ONNX file, to loop nests; prints what it consists of."""
    from lego.cli.trace import trace_network

    sizes, techniques = (input or [], dim or []), (quantize, attention)

    def action() -> None:
        file = None if out is None else path_given(out)
        trace_network(what, module, sizes, ops, extract, file, strict, json, techniques)

    guarded(action)


@app.command(
    epilog="Examples: lego verify sana_tiny --formats fp8 --device auto; lego verify net.onnx --dim "
    "batch=1 --require 0.05; lego verify --module mine.py:Net --input 1,3,32,32"
)
def verify(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="ONNX file, workload file with `model:`, or a name that `lego models` lists.",
        ),
    ] = None,
    module: Module = None,
    input: Input = None,
    dim: Dim = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Number formats of contractions: w8a8 (default), w8a8_shift, w8a8_tensor, "
            "w4a8_g128, w4a4_g64, fp8, fp8_e5m2, bf16; own: the network's (default with "
            "--quantize or --attention)."
        ),
    ] = None,
    require: Annotated[
        float | None,
        typer.Option(
            metavar="ERROR",
            help="End with status 2 if a layer's or an output's relative error in the formats is "
            "above it, such as 0.05.",
        ),
    ] = None,
    quantize: Quantize = None,
    attention: Attention = None,
    data: Annotated[
        Path | None,
        typer.Option(help="NPZ file with an array per input; its first axis are samples."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda: where the nests run.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of weights and inputs.")] = 0,
    json: Json = False,
) -> None:
    """Compare a network's loop nests with PyTorch, or an ONNX file's with onnx's evaluator, in
    floating point and bit-true in number formats: every layer's error."""
    from lego.cli.verify import Wanted, verify_network

    sizes, techniques = (input or [], dim or []), (quantize, attention)
    wanted = Wanted(what, module, sizes, techniques, formats, data, device, seed, require)
    guarded(lambda: verify_network(wanted, json))


@app.command(epilog="Example: lego models --json")
def models(json: Json = False) -> None:
    """List the networks that `lego trace` knows, with their sizes."""
    from lego.cli.trace import list_models

    guarded(lambda: list_models(json))


@app.command(epilog="Example: lego draw workloads/gemm_multi.yaml -o pictures --format html")
def draw(
    file: File,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="PATH", help="Folder for the pictures.")
    ] = ".",
    operation: Annotated[
        str | None, typer.Option(help="Operation, or OPERATION.DATAFLOW; all by default.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="svg, html (one tab per dataflow) or dot.")
    ] = "svg",
    every: Annotated[
        bool, typer.Option("--every", help="Draw every FU, also where many are alike.")
    ] = False,
    fusion: Fusion = Method.EXACT,
) -> None:
    """Draw the array: links coloured by operand, one layer per dataflow."""
    from lego.cli.compile import draw_file

    guarded(lambda: draw_file(file, path_given(out), operation, form, every, Method(fusion)))


@app.command(epilog="Example: lego program rtl_out/gemm --bound m=50")
def program(
    folder: Folder,
    design: Annotated[
        str | None,
        typer.Option(help="Operation, or OPERATION.DATAFLOW; needed where there are several."),
    ] = None,
    bound: Annotated[
        list[str] | None, typer.Option(help="Run-time loop bound, such as m=50.")
    ] = None,
    base: Annotated[
        list[str] | None, typer.Option(help="First word address of an operand, such as X=128.")
    ] = None,
) -> None:
    """Print register values and tensor layouts for other loop bounds, as JSON."""
    from lego.cli.compile import print_program

    guarded(lambda: print_program(folder, design, bound or [], base or []))


@app.command(epilog="Example: lego schema > workload.schema.json")
def schema() -> None:
    """Print the JSON schema of workload files."""
    from lego.cli.compile import print_schema

    guarded(print_schema)


@app.command(epilog="Example: lego explain workloads/gemm.yaml; lego explain E122")
def explain(
    what: Annotated[str, typer.Argument(help="Workload file, or error code such as E122.")],
    fusion: Fusion = Method.EXACT,
) -> None:
    """Explain an architecture (reuse found, links chosen, cost, banks) or an error code."""
    from lego.cli.compile import explain_code_or_file

    guarded(lambda: explain_code_or_file(what, Method(fusion)))


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except SystemExit as ended:
        if "torch" in sys.modules and isinstance(ended.code, int | None):
            _leave(ended.code or 0)
        raise


def _leave(status: int) -> None:
    """End at once: taking PyTorch's modules apart one by one takes more than a second, and nothing
    is left to do."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
