"""Why a workload's arrays look as they do, as text and as pictures."""

from __future__ import annotations

from dataclasses import replace

from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.fused import Method
from lego.ir.workload import Workload

__all__ = ["draw", "explain"]


def explain(workload: Workload, method: Method = Method.EXACT) -> str:
    """Reuse, choices and costs of every design as text."""
    from lego.front.explain_fused import explain_design

    return "\n".join(explain_design(fused) for fused in designs_of(workload, method))


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
