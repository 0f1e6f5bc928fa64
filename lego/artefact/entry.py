"""What the manifest says of a design."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lego.back.graph.measure import counts_of
from lego.back.lower.core import Lowered
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import host_map
from lego.back.plan.registers import address_bits
from lego.ir.dag import Op, index_bits
from lego.ir.expr import Binary, BinaryOp, Expr, Unary
from lego.program import configure

__all__ = ["design_entry"]


def design_entry(plan: DesignPlan, lowered: Lowered) -> dict[str, Any]:
    """Manifest entry of one design, after its passes."""
    fused, host, times = plan.fused, host_map(plan), lowered.times
    return {
        "top": fused.name,
        "verilog": f"{fused.name}.v",
        "array": list(fused.sizes),
        "fus": fused.n_fus,
        "host": {
            "address_bits": host.address_bits,
            "data_bits": host.data_bits,
            "mask_bits": host.mask_bits,
            "read_latency": 2,
        },
        "registers": [
            {"name": spec.name, "address": i, "bits": spec.bits, "about": spec.about}
            for i, spec in enumerate(plan.registers)
        ],
        "memories": _memories(plan),
        "stages": [name for name, there in asdict(times.stages).items() if there],
        "macros": _macros(plan, lowered),
        "modules": {module.name: module.category for module in lowered.dag.modules},
        "dataflows": [
            {
                "id": k,
                "operation": layer.adg.op.name,
                "name": layer.adg.dataflow.name,
                "dataflow": layer.adg.dataflow.describe(layer.adg.op),
                "macs_per_fu": _multiplications(layer.adg.op.body),
                "tail": times.tails[k],
                "program": configure(plan, dataflow=k, tail=times.tails[k]).to_json(),
            }
            for k, layer in enumerate(fused.layers)
        ],
    }


def _multiplications(expr: Expr) -> int:
    match expr:
        case Binary(op, left, right):
            return (op is BinaryOp.MUL) + _multiplications(left) + _multiplications(right)
        case Unary(_, arg):
            return _multiplications(arg)
    return 0


def _memories(plan: DesignPlan) -> list[dict[str, Any]]:
    host, fused = host_map(plan), plan.fused
    return [
        {
            "name": buffer.name,
            "direction": "out" if buffer.output else "in",
            "base_address": host.base(1 + buffer.index),
            "bank_stride": 1 << address_bits(buffer.depth),
            "halves": fused.halves,
            "half_stride": 1 << (address_bits(buffer.depth) + index_bits(buffer.groups)),
            "lanes": buffer.lanes,
            "banks": buffer.n_banks,
            "depths": [list(part) for part in buffer.depths],
            "bits": buffer.bits,
        }
        for buffer in plan.buffers
    ]


def _macros(plan: DesignPlan, lowered: Lowered) -> list[dict[str, Any]]:
    """RAM modules and how often the design holds each."""
    counts = counts_of(lowered.dag)
    return [
        {
            "module": name,
            "operand": plan.buffers[memory].name,
            "bits": node.bits,
            "depth": node.extent,
            "count": counts[name],
        }
        for name, memory in lowered.parts.rams
        for node in lowered.dag.module(name).nodes
        if node.op is Op.MEMORY
    ]
