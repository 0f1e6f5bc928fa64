"""A device of an array and its engines: modules, SRAMs and description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lego.back.lower.core import Lowered
from lego.back.passes.broadcast import rewire_broadcasts
from lego.back.passes.dead import remove_dead_ports
from lego.back.pipeline import DEFAULT, Options, chosen
from lego.back.plan.design import DesignPlan
from lego.back.sram.outline import outlined
from lego.back.sram.share import shapes_of, with_shared_srams
from lego.back.system.device import DevicePlan, build_device
from lego.device.chip import STORE_WORDS, VECTOR_WORDS, hash_of
from lego.diag import LegoError
from lego.ir.checks.check import checked
from lego.ir.dag import Dag, Op
from lego.ir.device import Engines, Macro
from lego.ir.sram import in_registers
from lego.ir.vector.chain import Chain, NotAChain
from lego.ir.vector.planning import plan_vector

__all__ = ["with_engines"]


def with_engines(
    plan: DesignPlan, lowered: Lowered, chains: Sequence[Chain], options: Options = DEFAULT
) -> tuple[Lowered, Engines]:
    """The modules of an array with those of the engines around it, which compute these chains; registers with
    many sinks become trees where they do in the array.

    Raises E308 if the vector engine can't be made of them.
    """
    try:
        vector = plan_vector(chains, words=VECTOR_WORDS)
    except NotAChain as error:
        raise LegoError(
            "E308", f"no vector engine computes all of the operations: {error}"
        ) from error
    fused = plan.fused
    chip = hash_of(fused, vector, STORE_WORDS)
    device = DevicePlan(fused.name, chip, fused.n_ports, len(plan.registers), vector, STORE_WORDS)
    whole = remove_dead_ports(build_device(device, lowered.dag))
    if "broadcast" in chosen(options):
        whole = rewire_broadcasts(whole, options.fanout)
    dag = with_shared_srams(outlined(whole))
    macros = tuple(_macros(dag, lowered.dag.top.name))
    return replace(lowered, dag=checked(dag)), Engines(chip, vector, STORE_WORDS, macros)


def _macros(dag: Dag, core: str) -> list[Macro]:
    """SRAMs outside of the core, by shape."""
    shapes = shapes_of(dag)
    counts: Counter[str] = Counter()
    _count(dag, dag.top.name, core, counts, 1)
    return [
        Macro(name, "engines", bits, words, counts[name], in_registers(words, bits), (), lanes)
        for name, (words, bits, lanes) in shapes.items()
        if counts[name]
    ]


def _count(dag: Dag, name: str, without: str, counts: Counter[str], times: int) -> None:
    """How often each module is there within another one."""
    for node in dag.module(name).nodes:
        if node.op is Op.INSTANCE and node.text != without:
            counts[node.text] += times
            _count(dag, node.text, without, counts, times)
