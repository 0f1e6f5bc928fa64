"""Error codes of what users write: files, workloads, dataflows, chips."""

from __future__ import annotations

__all__ = ["INPUT_CODES"]

INPUT_CODES: dict[str, tuple[str, str, str]] = {
    "E001": (
        "can't read the file",
        "The path is missing, a folder, a device, or not readable.",
        "Check the path.",
    ),
    "E002": (
        "file too large or too deep",
        "Workload files are bounded: 1 MiB, 20,000 nodes, 32 levels.",
        "Split the workload.",
    ),
    "E003": (
        "not plain text",
        "The file isn't UTF-8, or holds control or bidirectional characters.",
        "Retype the line.",
    ),
    "E004": (
        "not valid YAML",
        "The YAML parser stopped here.",
        "Check indentation, quotes and brackets.",
    ),
    "E005": (
        "YAML feature not accepted",
        "Anchors, aliases, tags, merge keys and several documents are refused.",
        "Write the values out.",
    ),
    "E006": ("duplicate key", "A mapping names a key twice.", "Keep one of the two."),
    "E007": (
        "empty file",
        "There is nothing in the file.",
        "Start with `name:` and `operations:`.",
    ),
    "E101": (
        "unknown key",
        "The form of a workload has no such key here.",
        "Use one of the keys in the hint; see `lego schema`.",
    ),
    "E102": (
        "wrong or missing value",
        "A value has the wrong type or is absent.",
        "Give the value that the message expects.",
    ),
    "E103": (
        "not a number format",
        "Formats are int2 to int32 and uint1 to uint32.",
        "Use one of these.",
    ),
    "E104": (
        "illegal name",
        "Names have letters, digits and _, start with a letter, and are no keyword.",
        "Rename it.",
    ),
    "E105": (
        "names clash",
        "Two names are equal, differ by case only, or give two designs a module of one name.",
        "Rename one of them.",
    ),
    "E110": (
        "statement syntax",
        "The statement can't be read.",
        'Write, for example, "Y[m,n] += X[m,k] * W[k,n]".',
    ),
    "E111": (
        "index not affine",
        "An index multiplies loops, divides, or calls a function.",
        "Use loops, integers, + - and multiplication by an integer.",
    ),
    "E112": (
        "unknown loop",
        "An index names something that isn't a loop.",
        "Declare the loop, or correct the name.",
    ),
    "E113": (
        "unsupported body",
        "Bodies have tensors, integers, + - * max min abs, and << >> by a number.",
        "Rewrite the body.",
    ),
    "E114": (
        "statement too large",
        "More than 12 operands, or too large an integer.",
        "Split the operation, or use a smaller number.",
    ),
    "E115": (
        "unknown tensor",
        "A section names a tensor that no statement has.",
        "Correct the name.",
    ),
    "E116": ("format missing", "Every tensor needs a number format.", "Add it under `formats`."),
    "E117": (
        "read and written",
        "A statement reads the tensor that it writes.",
        "Use another tensor.",
    ),
    "E118": ("unused loop", "A loop occurs in no index.", "Remove it."),
    "E119": (
        "bad pad value",
        "Only inputs are padded, with a value of their format.",
        "Correct or remove the pad value.",
    ),
    "E120": (
        "too large",
        "At most 10^12 iterations and 2^24 elements per tensor.",
        "Split or tile the operation.",
    ),
    "E121": (
        "tensor declared twice",
        "Two operations disagree on a tensor's format or shape.",
        "Give the same in both.",
    ),
    "E122": (
        "index outside the tensor",
        "Some iteration leaves the tensor and there is no pad value.",
        "Give `pad`, or change bounds or `shapes`.",
    ),
    "E123": (
        "rank mismatch",
        "A tensor has different numbers of indices.",
        "Use the same number everywhere.",
    ),
    "E124": (
        "format too narrow",
        "The body's values don't fit the output, or need more than 63 bits where all bits count.",
        "Use a wider output format, or clamp or shift the values.",
    ),
    "E125": (
        "memory too small",
        "A tensor doesn't fit the memory that the architecture gives it.",
        "Enlarge the memory or reduce the loops.",
    ),
    "E127": (
        "unknown architecture",
        "A workload names an architecture, but no file beside it or in workloads/chips is called so.",
        "Describe it in place, as in `architecture: {array: [16, 16]}`, or write NAME.yaml beside it.",
    ),
    "E126": (
        "empty loop",
        "A bound that depends on other loops is 0 or less in all iterations, or a loop starts below 0.",
        "Correct the bound; write `max(i-3, 0)` for a loop that starts at 0 there.",
    ),
    "E131": ("wrong map of SRAMs", "A key or value of it isn't one.", "See docs/srams.md."),
    "E132": ("too many macros", "A memory would take too many.", "Add larger ones to the map."),
    "E133": ("names of macros clash", "One is used already.", "Rename or remove one of them."),
    "E134": ("illegal name of a macro", "It can't be Verilog's.", "Use plain names."),
    "E135": ("macros without models", "A simulation needs some.", "Add `models:` to the map."),
    "E201": ("loop on two axes", "A loop is mapped to two array axes.", "Map each loop once."),
    "E202": ("bound out of range", "Bounds end at compiled maxima.", "Compile with larger loops."),
    "E203": (
        "base address out of range",
        "An operand placed there would not fit in its banks, or in the part of them that was asked for.",
        "Give a smaller base, or smaller loop bounds.",
    ),
    "E204": ("no sums over runs", "The design can't resume.", "Compile with `resume: yes`."),
    "E205": ("no queue of runs", "Runs can't wait in the design.", "Compile with `queue: 16`."),
    "E210": (
        "unknown loop in the dataflow",
        "The dataflow names a loop that the operation lacks.",
        "Correct the name.",
    ),
    "E211": (
        "mapping larger than the array",
        "More FUs are asked for than the array has.",
        "Reduce the size or enlarge the array.",
    ),
    "E212": ("loop named twice", "The temporal order names a loop twice.", "Name it once."),
    "E213": (
        "bad control vector",
        "There must be one skew per array axis.",
        "Give one number per axis.",
    ),
    "E214": (
        "dataflows of one operation clash",
        "An operation has `dataflow` or `dataflows`, and each dataflow a name of its own.",
        "Use one list, and name each entry.",
    ),
    "E301": (
        "assignment overlaps",
        "`=` writes an element more than once.",
        "Use a reduction, or index the output by every loop.",
    ),
    "E302": (
        "an iteration runs twice",
        "The dataflow sends two timestamps or FUs to one iteration; the message shows both.",
        "Let every counter step by the number of FUs that its loop is spread over.",
    ),
    "E303": (
        "an iteration never runs",
        "No timestamp and FU of the dataflow runs the iteration in the message.",
        "Let every counter step by the number of FUs that its loop is spread over.",
    ),
    "E304": (
        "a link would need a negative delay",
        "An FU would act before its timestamp is issued.",
        "Use control skews of at least 0.",
    ),
    "E305": (
        "an operand doesn't fit its memory",
        "Its banks, padded to whole rows, need more bytes than `memories` gives.",
        "Enlarge the memory, shrink the loops, or make extents multiples of the array.",
    ),
    "E306": (
        "an operation isn't for a chip with room",
        "A chip with `room` doesn't compare indices with extents, as pads and overlapping results need.",
        "Let tensors hold their borders, index the output by loops, or leave `room` out.",
    ),
    "E307": (
        "an operation doesn't run on the chip",
        "No dataflow of the chip runs it, whatever part of it; the message says which condition fails.",
        "See docs/binding.md; compile a chip with room, or with a dataflow for it.",
    ),
    "E308": (
        "a device doesn't run the network",
        "An operation is none of the array's or the vector engine's, or no engine can move a tensor so.",
        "See docs/device.md for what engines compute; compile the chip with an operation like it.",
    ),
    "E309": (
        "a device's program is wrong",
        "The functional model found that a run waits for ever, or reads what nobody wrote.",
        "Please report it with the workload file.",
    ),
    "E311": (
        "values don't fit the workload",
        "Parameters or inputs have other names, shapes or formats than the workload says.",
        "Give integers of the declared shapes, under the tensors' names.",
    ),
}
