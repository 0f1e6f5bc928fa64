"""Operations run as chains on the model of an engine, beside their own meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lego.ir.network import Buffer
from lego.ir.operation import Operation, Reduction
from lego.ir.vector.chain import Chain, SlotFn, table_bytes
from lego.ir.vector.plan import VectorPlan
from lego.ir.vector.settings import held_bytes, settings_of
from lego.runtime.vector import VectorModel
from sim.reference import execute, wrap
from tests.back.system.vector.chains import CHANNELS, FORMATS, PIXELS

Array = NDArray[np.int64]
SHAPES = {
    "sums": (PIXELS, CHANNELS),
    "bytes": (PIXELS + 2, CHANNELS),
    "other": (PIXELS, CHANNELS),
    "bias": (CHANNELS,),
    "m": (CHANNELS,),
    "mb": (),
    "half": (),
    "n": (),
    "lookup": (256,),
    "pooled": (PIXELS, CHANNELS),
    "y": (PIXELS, CHANNELS),
}
BUFFERS = {name: Buffer(name, shape, FORMATS[name]) for name, shape in SHAPES.items()}


def given(seed: int, known: Mapping[str, tuple[int, int]]) -> dict[str, Array]:
    """Contents of all buffers, extremes among them."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in SHAPES.items():
        fmt = FORMATS[name]
        low, high = known.get(name, (fmt.low, fmt.high))
        values = rng.integers(low, high, size=shape, endpoint=True, dtype=np.int64)
        extreme = rng.integers(0, 8, size=shape)
        values = np.where(extreme == 0, low, np.where(extreme == 1, high, values))
        found[name] = np.asarray(values, dtype=np.int64)
    return found


def meant(ops: Sequence[Operation], values: Mapping[str, Array]) -> Array:
    """What the operations themselves give."""
    known = dict(values)
    for op in ops:
        bounds = {loop.name: loop.extent for loop in op.loops}
        name = op.output.buffer
        known[name] = execute(op, BUFFERS, known, bounds, SHAPES[name]).values
    return known[ops[-1].output.buffer]


def nest_of(chain: Chain) -> dict[str, int]:
    """The registers of a run over the pixels, whose lanes are the channels."""
    pixel = 3 if chain.reduction is not Reduction.ASSIGN else 4
    found = {f"trip{k}": 0 for k in range(5)}
    found |= {f"trip{pixel}": PIXELS - 1, f"a_step{pixel}": 1, f"d_step{pixel}": 1}
    if chain.reduction is not Reduction.ASSIGN:
        found |= {"trip4": 2, "a_step4": 1, "inner": 1}
    if chain.second:
        found[f"b_step{pixel}"] = 1
    return found | {"mask": (1 << CHANNELS) - 1}


def executed(plan: VectorPlan, chain: Chain, values: Mapping[str, Array]) -> Array:
    """What a run of the chain writes."""
    model = VectorModel(plan)
    scalars = {name: int(array) for name, array in values.items() if not array.shape}
    registers = nest_of(chain) | settings_of(plan, chain, scalars)
    half = plan.words // 2
    if chain.second:
        model.operands[half : half + PIXELS] = values[chain.second] & 255
        registers["b_address"] = half
    if not chain.is_wide:
        model.operands[: len(values[chain.first])] = values[chain.first] & 255
    for at, data in held_bytes(plan, chain, {n: v for n, v in values.items() if v.ndim == 1}):
        words = np.frombuffer(data, dtype=np.uint8).reshape(-1, plan.lanes)
        model.held[at : at + len(words)] = words
    before = chain.spans()
    for k, step in enumerate(chain.steps):
        if step.fn is SlotFn.TABLE:
            content = values[step.buffer].tolist() if step.buffer else ()
            model.table[:] = np.frombuffer(table_bytes(step, content, before[k]), dtype=np.uint8)
    results = values[chain.first] if chain.is_wide else np.zeros((1, plan.lanes), dtype=np.int64)
    found = model.run(registers, results)
    assert found.lanes.all()
    assert found.addresses.tolist() == list(range(PIXELS))
    return wrap(found.data.astype(np.int64), FORMATS["y"])
