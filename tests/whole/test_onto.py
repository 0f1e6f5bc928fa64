"""Operations on a chip that wasn't compiled from them, in RTL: against PyTorch, in one model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from frontends.yaml import load_text
from lego.cli.main import app
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.diag import LegoError, LegoErrors
from lego.ir.device import devices_from_json
from lego.onto import onto, programs_json
from sim.onto import stream_of
from sim.reference import execute
from sim.session import Case
from tests.designs import verdicts_of, whole

CHIP = """name: chip
operations:
  - name: product
    loops: {g: 2, m: 8, n: 8, j: 3, k: 8}
    statement: "Y[g,m,n] += X[g,m,j,k] * W[g,j,k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: mn, spatial: {m: 4, n: 4}, temporal: [g, m, n, j, k], control: systolic}
architecture:
  array: [4, 4]
  memories: {X: 2048, W: 2048, Y: 4096}
  resume: yes
  room: {counters: 7, trips: 256, reduction: 4096}
"""


def operation(name: str, loops: str, statement: str, more: str = "") -> str:
    return f"""  - name: {name}
    loops: {{{loops}}}
    statement: "{statement}"
    formats: {{Y_{name}: int32, X_{name}: int8, W_{name}: int8}}
{more}"""


def conv(name: str, loops: str, x: str, w: str = "oc,ic,kh,kw", more: str = "") -> str:
    """A convolution that reads ``X`` at `x`."""
    return operation(name, loops, f"Y_{name}[oc,oh,ow] += X_{name}[{x}] * W_{name}[{w}]", more)


def padded(name: str, shape: str) -> str:
    return f"    pad: {{X_{name}: 0}}\n    shapes: {{X_{name}: [{shape}]}}\n"


K3 = "oc: 6, oh: 5, ow: 6, ic: 4, kh: 3, kw: 3"
OPERATIONS = {
    "pointwise": conv("pointwise", "oc: 8, oh: 5, ow: 3, ic: 6", "ic,oh,ow", "oc,ic"),
    "same": conv("same", K3, "ic,oh+kh-1,ow+kw-1", more=padded("same", "4, 5, 6")),
    "strided": conv("strided", K3, "ic,2*oh+kh,2*ow+kw"),
    "five": conv("five", K3.replace("3", "5"), "ic,oh+kh,ow+kw"),
    "dilated": conv("dilated", K3, "ic,oh+2*kh,ow+2*kw"),
    "linear": operation("linear", "m: 20, n: 12, k: 150", "Y_linear[m,n] += X_linear[m,k] * W_linear[n,k]"),
    "gemv": operation("gemv", "n: 30, k: 64", "Y_gemv[n] += X_gemv[k] * W_gemv[n,k]"),
    "batched": operation(
        "batched", "b: 3, m: 5, n: 6, k: 7", "Y_batched[b,m,n] += X_batched[b,m,k] * W_batched[b,k,n]"
    ),
    "scores": operation(
        "scores", "g: 2, h: 2, i: 5, j: 6, d: 8", "Y_scores[g,h,i,j] += X_scores[g,h,i,d] * W_scores[g,j,d]"
    ),
    "narrow": operation(
        "narrow", "m: 5, n: 6, k: 20", "Y_narrow[m,n] += X_narrow[m,k] * W_narrow[k,n]"
    ).replace("int32", "int8"),
}  # fmt: skip


def text_of(*names: str) -> str:
    return "name: net\noperations:\n" + "".join(OPERATIONS[name] for name in names)


EAGER = {
    "pointwise": lambda x, w: torch.conv2d(x[None], w[:, :, None, None])[0],
    "same": lambda x, w: torch.conv2d(x[None], w, padding=1)[0],
    "strided": lambda x, w: torch.conv2d(x[None], w, stride=2)[0],
    "five": lambda x, w: torch.conv2d(x[None], w)[0],
    "dilated": lambda x, w: torch.conv2d(x[None], w, dilation=2)[0],
    "linear": lambda x, w: torch.nn.functional.linear(x, w),
    "gemv": lambda x, w: w @ x,
    "batched": lambda x, w: torch.bmm(x, w),
    "scores": lambda x, w: torch.einsum("ghid,gjd->ghij", x, w),
    "narrow": lambda x, w: (x @ w + 128) % 256 - 128,
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_reference_is_what_torch_computes(name: str) -> None:
    workload = load_text(text_of(name))
    (op,) = workload.operations
    buffers = {buffer.name: buffer for buffer in workload.network.buffers}
    rng = np.random.default_rng(5)
    operands = {n: rng.integers(-128, 128, buffers[n].shape) for n in (f"X_{name}", f"W_{name}")}
    bounds = {loop.name: loop.extent for loop in op.loops}
    found = execute(op, buffers, operands, bounds, buffers[f"Y_{name}"].shape).values
    x, w = (torch.tensor(operands[n], dtype=torch.float64) for n in (f"X_{name}", f"W_{name}"))
    assert (EAGER[name](x, w).numpy() == found).all()


PARTS = CHIP.replace("  resume: yes\n", "  resume: yes\n  double_buffer: parts\n")


@pytest.mark.parametrize(
    ("text", "names"),
    [(CHIP, sorted(OPERATIONS)), (PARTS, ["gemv", "linear", "same"])],
    ids=["all", "parts"],
)
def test_one_chip_runs_them_all(text: str, names: list[str]) -> None:
    """Bit-exact, in the cycles that were foretold; the longest reduction in several runs. With parts of
    memories a chip does so in the first."""
    chip = load_text(text)
    files = compile_workload(chip, source=text.encode())
    (device,), (fused,) = devices_from_json(files["device.json"]), designs_of(chip)
    workload = load_text(text_of(*names))
    made = onto(fused, workload)
    assert any(run.resumes for tiling in made.tilings for run in tiling.runs)
    stream = stream_of(made, device, workload, np.random.default_rng(1))
    (verdict,) = verdicts_of([Case(whole(files, device), stream)], seed=1)
    assert not verdict.failures
    assert verdict.compared == sum(
        buffer.elements for buffer in workload.network.buffers if buffer.name.startswith("Y_")
    )
    assert programs_json(made, device) == programs_json(onto(fused, workload), device)


SINGLE = {
    "dot": operation("dot", "k: 33", "Y_dot[0] += X_dot[k] * W_dot[k]"),
    "one": operation("one", "a: 1", "Y_one[a] += X_one[a] * W_one[a]"),
    "single": operation(
        "single", "m: 1, n: 1, k: 9", "Y_single[m,n] += X_single[m,k] * W_single[k,n]"
    ),
    "scaled": operation("scaled", "m: 6", "Y_scaled[m] += X_scaled[m] * W_scaled[0]"),
}
"""Operations with operands of one element."""


def test_operands_of_one_element() -> None:
    """No loop moves their index. An element is called as its own operation calls it."""
    chip, workload = (
        load_text(CHIP),
        load_text("name: net\noperations:\n" + "".join(SINGLE.values())),
    )
    files = compile_workload(chip, source=CHIP.encode())
    (device,), (fused,) = devices_from_json(files["device.json"]), designs_of(chip)
    stream = stream_of(onto(fused, workload), device, workload, np.random.default_rng(3))
    found = {e["operand"]: e["index"] for e in stream.expected if e["kind"] == "words"}
    ones = {
        f"{name}: Y_{name}": [[0] * rank] for name, rank in (("dot", 1), ("one", 1), ("single", 2))
    }
    assert found == ones | {"scaled: Y_scaled": [[m] for m in range(6)]}
    (verdict,) = verdicts_of([Case(whole(files, device), stream)], seed=3)
    assert not verdict.failures
    assert verdict.compared == 9


def test_what_the_chip_does_not_run_is_refused_with_the_condition() -> None:
    (fused,) = designs_of(load_text(CHIP))
    text = text_of("linear").replace("+=", "max=")
    with pytest.raises(LegoError, match=r"E307.*doesn't run 'linear'.*condition \(a\)"):
        onto(fused, load_text(text))
    both = text_of("linear", "gemv").replace("+=", "max=")
    with pytest.raises(LegoErrors) as caught:
        onto(fused, load_text(both))
    assert len(caught.value.errors) == 2


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "net.yaml").write_text(text_of("gemv", "linear"))
    run = CliRunner().invoke
    out = ["--out", str(tmp_path / "out")]
    assert run(app, ["compile", str(tmp_path / "chip.yaml"), *out]).exit_code == 0
    chip = str(tmp_path / "out" / "chip")
    made = run(app, ["compile", str(tmp_path / "net.yaml"), *out, "--onto", chip])
    assert made.exit_code == 0 and "programs.json" in made.output and "linear" in made.output
    simulated = run(app, ["sim", str(tmp_path / "out" / "net")])
    assert simulated.exit_code == 0 and "cycles as predicted: ok" in simulated.output


def test_a_refusal_ends_with_status_2_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP)
    (tmp_path / "net.yaml").write_text(text_of("gemv").replace("+=", "min="))
    run = CliRunner().invoke
    out = ["--out", str(tmp_path / "out")]
    assert run(app, ["compile", str(tmp_path / "chip.yaml"), *out]).exit_code == 0
    chip = str(tmp_path / "out" / "chip")
    made = run(app, ["compile", str(tmp_path / "net.yaml"), *out, "--onto", chip])
    assert made.exit_code == 2 and "E307" in made.output
    assert not (tmp_path / "out" / "net").exists()
