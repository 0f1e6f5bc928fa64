"""The command line. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import typer

from lego.cli.common import guarded, path_given
from lego.cli.options import (
    AnswerFile,
    Attention,
    Bases,
    Bounds,
    Clock,
    Data,
    Design,
    Device,
    Dim,
    Dump,
    DumpAfter,
    EveryFu,
    Extract,
    ExtractFile,
    File,
    FileOrCode,
    Flat,
    Folder,
    Formats,
    Fusion,
    InPart,
    Input,
    InputFile,
    Json,
    Level,
    Liberty,
    MaxFanout,
    Module,
    Network,
    OneDesign,
    OntoChip,
    OperandSeed,
    Operation,
    Ops,
    OutFolder,
    Passes,
    PictureFolder,
    PictureForm,
    PowerClock,
    Quantize,
    RecordActivity,
    Registers,
    Require,
    RequireClock,
    Resume,
    SramMap,
    Stats,
    Stimuli,
    Strict,
    Style,
    Then,
    Timeline,
    Verified,
    VerifyPasses,
    Waves,
    WeightSeed,
)
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


@app.command(cls=HelpWithPasses)
def compile(
    context: typer.Context,
    file: File,
    out: OutFolder = "rtl_out",
    dump: Dump = False,
    dump_after: DumpAfter = None,
    fusion: Fusion = Method.EXACT,
    level: Level = None,
    passes: Passes = None,
    max_fanout: MaxFanout = None,
    clock: Clock = None,
    verify: VerifyPasses = False,
    stats: Stats = False,
    sram_map: SramMap = None,
    memory_style: Style = None,
    onto: OntoChip = None,
    json: Json = False,
) -> None:
    """Compile a workload to Verilog, registers, layouts and a report in OUT/NAME; or with --onto to programs
    for a chip that was compiled before."""
    from lego.heap import HARDLY, rarely_collected

    with rarely_collected(HARDLY):
        from lego.cli.compile import compile_file
        from lego.cli.onto import compile_onto

        if onto is not None:
            chip = onto
            guarded(lambda: compile_onto(context, file, chip, path_given(out), json))
            return
        how = PassOptions(level, passes, max_fanout, verify, dump_after, clock, stats)
        guarded(
            lambda: compile_file(
                file, path_given(out), dump, Method(fusion), how, sram_map, json, memory_style
            )
        )


@app.command(epilog="Example: lego check workloads/conv2d.yaml")
def check(file: File, fusion: Fusion = Method.EXACT, memory_style: Style = None) -> None:
    """Read a workload and print its architecture; writes nothing."""
    from lego.cli.compile import check_file

    guarded(lambda: check_file(file, Method(fusion), memory_style))


@app.command(epilog="Example: lego sim rtl_out/gemm --bound m=50 --bound k=29 --waves")
def sim(
    context: typer.Context,
    folder: Folder,
    design: Design = None,
    seed: OperandSeed = 0,
    bound: Bounds = None,
    waves: Waves = False,
    stimuli: Stimuli = False,
    activity: RecordActivity = True,
    timeline: Timeline = None,
    json: Json = False,
) -> None:
    """Simulate in Verilator and compare every element with the reference."""
    from lego.cli.device import is_device, refuse_timeline, simulate_device
    from lego.cli.onto import is_onto, simulate_programs
    from lego.cli.simulate import simulate_folder

    if is_device(folder):
        guarded(lambda: simulate_device(context, folder, seed, timeline, json))
        return
    if is_onto(folder):
        guarded(lambda: simulate_programs(context, folder, seed, json))
        return
    guarded(lambda: refuse_timeline(timeline, folder))
    guarded(
        lambda: simulate_folder(folder, design, seed, bound or [], waves, stimuli, activity, json)
    )


@app.command(epilog="Example: lego run rtl_out/inverted --input image.npz --out answer.npz")
def run(
    folder: Folder,
    input: InputFile = None,
    out: AnswerFile = None,
    seed: OperandSeed = 0,
    json: Json = False,
) -> None:
    """Run a device's program in the functional model, which has the bits of the RTL."""
    from lego.cli.device import run_folder

    guarded(lambda: run_folder(folder, input, out, seed, json))


@app.command(epilog="Example: lego disasm rtl_out/inverted")
def disasm(folder: Folder) -> None:
    """Print the commands of a device's program."""
    from lego.cli.device import disassemble_folder

    guarded(lambda: disassemble_folder(folder))


@app.command(
    epilog="Example: lego ppa rtl_out/gemm --clock 1GHz; lego ppa rtl_out/gemm --require-clock"
)
def ppa(
    folder: Folder,
    liberty: Liberty = None,
    flat: Flat = False,
    clock: PowerClock = None,
    require_clock: RequireClock = False,
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
    what: Network = None,
    module: Module = None,
    input: Input = None,
    dim: Dim = None,
    ops: Ops = False,
    extract: Extract = None,
    out: ExtractFile = None,
    strict: Strict = False,
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
    what: Verified = None,
    module: Module = None,
    input: Input = None,
    dim: Dim = None,
    formats: Formats = None,
    require: Require = None,
    quantize: Quantize = None,
    attention: Attention = None,
    data: Data = None,
    device: Device = "auto",
    seed: WeightSeed = 0,
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
    out: PictureFolder = ".",
    operation: Operation = None,
    form: PictureForm = "svg",
    every: EveryFu = False,
    fusion: Fusion = Method.EXACT,
) -> None:
    """Draw the array: links coloured by operand, one layer per dataflow."""
    from lego.cli.compile import draw_file

    guarded(lambda: draw_file(file, path_given(out), operation, form, every, Method(fusion)))


@app.command(epilog="Example: lego program rtl_out/gemm --bound m=50")
def program(
    folder: Folder,
    design: OneDesign = None,
    bound: Bounds = None,
    base: Bases = None,
    part: InPart = 0,
    resume: Resume = False,
    then: Then = None,
) -> None:
    """Print register values and tensor layouts for other loop bounds, as JSON; --then adds runs."""
    from lego.cli.program import print_program, print_queued

    if then is None:
        guarded(lambda: print_program(folder, design, bound or [], base or [], part, resume=resume))
    else:
        more = resume or bool(base) or part != 0
        guarded(lambda: print_queued(folder, design, bound or [], then, more=more))


@app.command(epilog="Example: lego schema > workload.schema.json")
def schema() -> None:
    """Print the JSON schema of workload files."""
    from lego.cli.compile import print_schema

    guarded(print_schema)


@app.command(epilog="Example: lego explain workloads/gemm.yaml; lego explain E122")
def explain(
    what: FileOrCode,
    fusion: Fusion = Method.EXACT,
    memory_style: Style = None,
    registers: Registers = False,
) -> None:
    """Explain an architecture (reuse found, links chosen, cost, banks, closed forms) or an error code."""
    from lego.cli.compile import explain_code_or_file

    guarded(lambda: explain_code_or_file(what, Method(fusion), memory_style, registers=registers))


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
