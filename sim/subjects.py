"""What is verified: the loop nests of a network, and who computes the same without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from frontends.models.sample import Sample
from frontends.torch_export.tracer import Traced
from lego.ir.network import Network
from lego.quantise.apply import in_formats
from lego.quantise.scheme import Scheme
from sim.bit_true import BIT_TRUE
from sim.calibrate import observed, prepared
from sim.compare import Difference, differences, given_to
from sim.network import execute

if TYPE_CHECKING:
    from frontends.onnx_reader.reader import ReadModel

__all__ = ["FileSubject", "ModuleSubject", "Subject", "in_scheme"]

Run = Callable[[dict[str, Tensor]], dict[str, Tensor]]


class Subject(Protocol):
    """A network and its reference, at samples of its inputs; the first sample is the one compared."""

    @property
    def network(self) -> Network:
        """The loop nests that are compared with the reference."""
        ...

    def given(self) -> list[dict[str, Tensor]]:
        """What the network is given, per sample."""
        ...

    def differences(self, device: torch.device, formats: Run) -> list[Difference]:
        """All tensors that both have; `formats` runs the network in number formats."""
        ...


@dataclass(frozen=True)
class ModuleSubject:
    """A module of PyTorch; the reference is what it computes, in float32 and in float64."""

    traced: Traced
    samples: Sequence[Sample]

    @property
    def network(self) -> Network:
        """Its loop nests."""
        return self.traced.network

    def given(self) -> list[dict[str, Tensor]]:
        """What the network is given, per sample."""
        return [given_to(self.traced, s.module, s.args, s.kwargs) for s in self.samples]

    def differences(self, device: torch.device, formats: Run) -> list[Difference]:
        """As :func:`sim.compare.differences`."""
        first = self.samples[0]
        return differences(
            self.traced, first.module, first.args, first.kwargs, device=device, formats=formats, truth=True
        )  # fmt: skip


@dataclass(frozen=True)
class FileSubject:
    """An ONNX file; the reference is the evaluator of the package `onnx`."""

    read: ReadModel
    samples: Sequence[Sample]

    @property
    def network(self) -> Network:
        """Its loop nests."""
        return self.read.network

    def given(self) -> list[dict[str, Tensor]]:
        """What the network is given, per sample."""
        from sim.compare_onnx import given_to_file

        return [given_to_file(self.read, sample.args) for sample in self.samples]

    def differences(self, device: torch.device, formats: Run) -> list[Difference]:
        """As :func:`sim.compare_onnx.file_differences`."""
        from sim.compare_onnx import file_differences

        return file_differences(self.read, self.samples[0].args, device=device, formats=formats)


def in_scheme(subject: Subject, scheme: Scheme | None, device: torch.device) -> Run:
    """What runs the network bit-true in the scheme's formats, or in its own: scales come from all samples."""

    def run(given: dict[str, Tensor]) -> dict[str, Tensor]:
        if scheme is None:
            return execute(subject.network, given, arithmetic=BIT_TRUE)
        moved = [{k: v.to(device) for k, v in each.items()} for each in subject.given()]
        made = in_formats(subject.network, scheme)
        ready = prepared(made, given, observed(subject.network, moved))
        return execute(made.network, ready, arithmetic=BIT_TRUE)

    return run
