"""Programs: what the host writes to run one dataflow of a design at given loop bounds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lego.ir.layout import Layout

__all__ = ["Program"]


@dataclass(frozen=True, slots=True)
class Program:
    """Register values and tensor layouts of one run.

    Attributes
    ----------
    dataflow : its number, the dataflow id.
    half : the half of the memories in use.
    bounds : of the loops, by name.
    registers : values, by name.
    cycles : exact length of the run.
    iterations : points of the loops within the bounds.
    layouts : by operand.
    accesses : words that each operand's SRAMs read and write while busy.
    resume : results are combined with what their memory holds.
    """

    dataflow: int
    half: int
    bounds: dict[str, int]
    registers: dict[str, int]
    cycles: int
    iterations: int
    layouts: dict[str, Layout]
    accesses: dict[str, int]
    resume: bool = False

    def __post_init__(self) -> None:
        if min(self.dataflow + 1, self.half + 1, self.cycles, *self.bounds.values()) < 1:
            raise ValueError("a program has a number that is too small")

    def to_json(self) -> dict[str, object]:
        """JSON value, as `lego program` prints it."""
        return asdict(self)
