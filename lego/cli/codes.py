"""The catalogue of error codes that `lego explain` prints: title, meaning, remedy."""

from __future__ import annotations

from lego.cli.input_codes import INPUT_CODES

__all__ = ["CODES"]

CODES: dict[str, tuple[str, str, str]] = {
    **INPUT_CODES,
    "E401": (
        "module can't be exported",
        (
            "PyTorch could not follow the module: it stops at inputs of these shapes, or shapes "
            "or control flow depend on values."
        ),
        "Give inputs that the module takes; move decisions that depend on values out of it.",
    ),
    "E402": (
        "operator can't be lowered",
        "The model uses an operator, or a variant of one, that no loop nest is known for.",
        "Replace it in the module, or add a function to frontends/torch_export.",
    ),
    "E405": (
        "no such contraction",
        (
            "Only a sum of products can be taken out of a network, by its name, or a nest of "
            "integers whose body workloads have."
        ),
        "List the names with `lego trace NAME --ops`.",
    ),
    "E406": (
        "operations left to the host",
        "With --strict, every operation must be the accelerator's.",
        "Leave --strict out, or replace these operations in the module.",
    ),
    "E407": (
        "a network, not loop nests",
        "The file names a network of the catalogue; what compiles is a loop nest.",
        "Take a contraction out of it with `lego trace FILE --extract NAME -o op.yaml`.",
    ),
    "E409": (
        "network differs",
        "Loop nests and the PyTorch module disagree by more than rounding.",
        "Please report it with the versions of the packages.",
    ),
    "E408": (
        "not a model of static shapes in ONNX",
        "The file can't be read, is no valid ONNX model, or leaves a dimension open.",
        "Set open dimensions with --dim and --input as the hint says; keep external data beside the file.",
    ),
    "E410": (
        "module can't be made",
        "The file of --module failed, has no such class, or the class needs arguments.",
        "Name a class without arguments; wrap the module in one.",
    ),
    "E411": (
        "reference can't be computed",
        "The evaluator of the package onnx stopped at the file, which `lego verify` compares with.",
        (
            "Give inputs that fit with --data; where the evaluator lacks the operator, verify "
            "the PyTorch module instead."
        ),
    ),
    "E412": (
        "error above what is required",
        (
            "With `lego verify --require`: a layer or an output has a larger relative error in "
            "the number formats."
        ),
        "Use finer formats, or scales of real inputs with --data.",
    ),
    "E421": (
        "unknown number formats",
        "`lego verify --formats` names no scheme.",
        "Use one of the names in the message.",
    ),
    "E422": (
        "unfit samples",
        "The file of --data isn't an NPZ file with an array per input of the network.",
        "Write the arrays that the message lists with numpy.savez.",
    ),
    "E423": (
        "no form in integers",
        (
            "A network was to be of integers only, and a step of it is something else than a contraction, "
            "a pooling or an affine function between them with fixed bounds; or its values or the range "
            "of a tensor weren't given."
        ),
        "Replace the operator that the message names, or leave it to the host; calibrate with more samples.",
    ),
    "E431": (
        "index outside of what is looked up",
        "While a network ran, an index that it was given or computed named no element.",
        (
            "Correct the indices, or give inputs with --data. Negative ones count from the end "
            "only where the operator says so, as in x[i]."
        ),
    ),
    "E432": (
        "integer divided by zero",
        "While a network ran, an integer was divided by zero, which PyTorch refuses too.",
        "Correct the divisor.",
    ),
    "E501": (
        "not our folder",
        "The output folder wasn't made by this program, so it isn't replaced.",
        "Move it away, or choose -o.",
    ),
    "E502": ("bad file name", "An artefact's name isn't plain.", "Report this."),
    "E503": ("can't write", "The file system refused.", "Choose another folder with -o."),
    "E504": (
        "not an artefact folder",
        "The folder has no readable manifest.json or device.json, or another version of LEGO made it.",
        "Run `lego compile` first.",
    ),
    "E505": (
        "artefact edited",
        "A file of the folder differs from its hash in the manifest.",
        "Edit the workload file instead, and compile again.",
    ),
    "E506": (
        "not a program of this device",
        "A program is damaged, or for another chip or version; the message names the word.",
        "Copy the file again, or compile again for this chip.",
    ),
    "E601": (
        "program missing",
        "A program that is needed isn't installed.",
        "Install it as the hint says.",
    ),
    "E602": (
        "program too slow",
        "A program exceeded its time limit.",
        "Use smaller loops or a less loaded machine.",
    ),
    "E603": (
        "program failed",
        "A program ended with an error.",
        "Read its last lines in the message.",
    ),
    "E703": (
        "the device stopped",
        "The simulated device stopped with an error, or didn't end.",
        "Read the command that the message names: `lego disasm DIR`.",
    ),
    "E604": (
        "unknown model",
        "The catalogue of networks has no such name.",
        "Use one of the names in the hint.",
    ),
    "E605": (
        "package missing",
        "A network needs Python packages that aren't installed.",
        "Install the extra that the hint names.",
    ),
    "E606": (
        "unknown technique",
        "There is no way of this name to change a network's layers or attention.",
        "Use one of the names in the hint.",
    ),
    "E607": (
        "technique doesn't apply",
        "The network has nothing that the technique changes, such as linear layers of blocks or cached keys.",
        "Use it on the networks that the hint names.",
    ),
    "E701": (
        "results differ",
        "The RTL and the reference disagree.",
        "Please report it with the workload file.",
    ),
    "E702": (
        "simulation failed",
        "The simulation ended without a result.",
        "Read its last lines in the message.",
    ),
    "E801": (
        "cell library not readable",
        "The Liberty file is missing or isn't one.",
        "Give a Liberty file with --liberty.",
    ),
    "E802": ("synthesis failed", "Yosys stopped.", "Read its last lines in the message."),
    "E803": (
        "timing failed",
        (
            "The netlist has no path from one register to another, no clock, or a cell that the "
            "library doesn't have."
        ),
        "Read the message; with a library of your own, see that it has the cells that synthesis uses.",
    ),
    "E805": (
        "switching activity not readable",
        "activity.json isn't a record of this folder's designs.",
        "Delete activity.json; `lego ppa` records it again.",
    ),
    "E806": (
        "clock out of range",
        "The clock period must lie between 0.01 and 10,000 ns.",
        "Give a period in nanoseconds.",
    ),
    "E807": (
        "clock missed",
        "With --require-clock: a design is slower than the clock that `lego compile --clock` asked for.",
        "Compile for a slower clock, or see docs/backend.md for what sets it.",
    ),
    "E808": (
        "no clock asked for",
        "With --require-clock: the folder was compiled without a clock.",
        "Compile with --clock, such as `lego compile FILE --clock 1GHz`.",
    ),
    "E902": (
        "unknown operation",
        "The workload has no operation of this name.",
        "Use one of the names in the message.",
    ),
    "E903": (
        "unknown design",
        "The folder has no design of this name.",
        "Use one of the names in the message.",
    ),
    "E904": ("bad argument", "An argument of the command can't be understood.", "See --help."),
}
