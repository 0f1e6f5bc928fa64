"""Why a workload's arrays look as they do, as text and as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lego.back.plan.design import DesignPlan, plan_of
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.fused import Method
from lego.ir.workload import Workload

__all__ = ["draw", "explain"]


def explain(workload: Workload, method: Method = Method.EXACT, *, registers: bool = False) -> str:
    """Reuse, choices, costs and closed forms of every design as text; those of registers if asked."""
    from lego.front.explain_fused import explain_design

    lines = []
    for fused in designs_of(workload, method):
        lines += [explain_design(fused), *_closed_forms(plan_of(fused), registers)]
    return "\n".join(lines)


def _closed_forms(plan: DesignPlan, registers: bool) -> Iterator[str]:
    """How cycles and accesses of every dataflow follow from its bounds, and the registers if asked."""
    from lego.formulas import formulas

    for k, layer in enumerate(plan.fused.layers):
        closed = formulas(plan, dataflow=k)
        of = f" of {layer.label}" if len(plan.fused.layers) > 1 else ""
        bounds = ", ".join(loop.name for loop in layer.adg.op.loops)
        yield f"  closed forms{of} in the bounds {bounds}, without pipeline registers:"
        yield f"    cycles: {closed.cycles}"
        for name, text in closed.accesses.items():
            yield f"    words accessed of {name}: {text}"
        if registers:
            for name, text in closed.registers.items():
                yield f"    register {name}: {text}"


def draw(
    workload: Workload,
    operation: str | None = None,
    *,
    form: str = "svg",
    every: bool = False,
    method: Method = Method.EXACT,
) -> dict[str, bytes]:
    """A picture per design, by file name; only the dataflows of one operation if asked.

    `form` is svg, html or dot; `every` FU is drawn if asked. Raises E902, E904.
    """
    from lego.front import picture

    if form not in picture.FORMATS:
        known = ", ".join(picture.FORMATS)
        raise LegoError("E904", f"no format {form!r}", hint=f"formats are {known}")
    makers = {"svg": picture.svg, "html": picture.html, "dot": picture.dot}
    files = {}
    for fused in designs_of(workload, method):
        layers = tuple(x for x in fused.layers if operation in (None, x.adg.op.name, x.label))
        if layers:
            shown = replace(fused, layers=layers)
            files[f"{fused.name}.{form}"] = makers[form](shown, every=every).encode()
    if not files:
        known = ", ".join(op.name for op in workload.operations)
        raise LegoError("E902", f"no operation {operation!r}; operations are {known}")
    return files
