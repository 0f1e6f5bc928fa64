"""Which tiles an operation gets, in a dataflow under which words of memories are beats of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.bind.result import Refusal
from lego.bind.tiles import Tiling, tiled
from lego.device.chip import Chip
from lego.device.estimate import estimated
from lego.device.layouts import lanes_by
from lego.device.padded import padded
from lego.device.plan import Values
from lego.device.tight import tightened
from lego.device.words import Touched
from lego.diag import LegoError
from lego.ir.array import ArrayOperation, Tensor

__all__ = ["Tiler"]

SHARES = (2, 4, 8)
"""Parts of the room for a tile that smaller tiles have."""

MOST_RUNS = 512
"""Runs of an operation above which smaller tiles aren't worth their commands."""


@dataclass(frozen=True)
class Tiler:
    """Tiles operations for a chip.

    Attributes
    ----------
    allowed : dimensions that may be a tensor's lanes, where something is known of it.
    """

    chip: Chip
    tensors: Mapping[str, Tensor]
    constants: Values
    allowed: Mapping[str, Sequence[int]]

    def tiled(self, op: ArrayOperation) -> Tiling:
        """The tiles that take the fewest cycles.

        Smaller tiles than those that fit are tried as well: with these the array begins earlier, and what
        follows it ends earlier. Raises E307 if no dataflow runs the operation, E308 if none does so in beats.
        """
        for short in (False, True):
            longer, tensors = padded(op, self.tensors, self.constants, self.allowed, short=short)
            for made in self._ways(longer, tensors):
                if self._in_beats(made, tensors):
                    every = [made, *self._smaller(made, tensors)]
                    return min(every, key=lambda each: estimated(self.chip, each))
        name = self.chip.fused.name
        message = f"no dataflow of {name} runs {op.name!r} on words that are beats"
        raise LegoError("E308", message, loc=op.loc, hint="see docs/device.md, layouts")

    def _ways(self, op: ArrayOperation, tensors: Mapping[str, Tensor]) -> Iterator[Tiling]:
        """The operation on the best dataflow, then on others."""
        first = tiled(self.chip.sites, op, tensors)
        if not isinstance(first, Tiling):
            raise self._refused(op, first)
        yield tightened(first, self.chip.sites, tensors)
        for site in self.chip.sites:
            if site.index not in first.dataflows:
                found = tiled([site], op, tensors)
                if isinstance(found, Tiling):
                    yield tightened(found, self.chip.sites, tensors)

    def _refused(self, op: ArrayOperation, refusals: Sequence[Refusal]) -> LegoError:
        layers, name = self.chip.fused.layers, self.chip.fused.name
        said = "; ".join(
            f"{layers[each.dataflow].label} by condition ({each.condition}), {each.reason}"
            for each in refusals
        )
        hint = "see docs/binding.md for the conditions, or compile a chip for it"
        return LegoError("E307", f"{name} doesn't run {op.name!r}: {said}", loc=op.loc, hint=hint)

    def _in_beats(self, tiling: Tiling, tensors: Mapping[str, Tensor]) -> bool:
        """Whether all that moves between DRAM and memories is whole beats, in lanes that are allowed."""
        found = lanes_by(tiling, self.chip, Touched(), tensors, self.constants)
        return all(any(dim in self.allowed.get(name, dims) for dim in dims) for name, dims in found)

    def _smaller(self, tiling: Tiling, tensors: Mapping[str, Tensor]) -> Iterator[Tiling]:
        """The same operation on the same dataflow in smaller tiles."""
        for share in SHARES:
            sites = self.chip.shared(share)
            found = tiled([sites[k] for k in tiling.dataflows], tiling.op, tensors)
            if isinstance(found, Tiling) and len(found.runs) <= MOST_RUNS:
                made = tightened(found, sites, tensors)
                if self._in_beats(made, tensors):
                    yield made
