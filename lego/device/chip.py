"""A device as programs see it: its array, its vector engine, and the memories of its engines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

from lego.bind.site import Site, sites_of
from lego.device.residency import SLOTS
from lego.diag import InternalError
from lego.ir.device import Device, Engines
from lego.ir.fused import FusedAdg
from lego.ir.vector.plan import VectorPlan

__all__ = ["STORE_WORDS", "VECTOR_WORDS", "Chip", "hash_of"]

STORE_WORDS, VECTOR_WORDS = 512, 2048
"""Beats of the store engine's and of the vector engine's memory."""


@dataclass(frozen=True)
class Chip:
    """A chip with engines: its architecture and its description. Raises InternalError for one without."""

    fused: FusedAdg
    device: Device

    @property
    def engines(self) -> Engines:
        """Those around the array."""
        if self.device.engines is None:
            raise InternalError(f"{self.device.top} has no engines")
        return self.device.engines

    @property
    def vector(self) -> VectorPlan:
        """The vector engine."""
        return self.engines.vector

    @property
    def store_words(self) -> int:
        """Beats that the store engine's memory holds."""
        return self.engines.store_words

    @property
    def hash(self) -> int:
        """32 bits that tell chips apart."""
        return self.engines.chip

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """The dataflows, for tiles of which two find room in a memory."""
        return sites_of(self.fused, SLOTS)

    def shared(self, share: int) -> tuple[Site, ...]:
        """The dataflows, as if tiles had a part of that room, results too."""
        return tuple(_narrowed(site, share) for site in self.sites)


def _narrowed(site: Site, share: int) -> Site:
    inputs = tuple(replace(port, words=max(1, port.words // share)) for port in site.inputs)
    output = replace(site.output, words=max(1, site.output.words // share))
    return replace(site, inputs=inputs, output=output)


def hash_of(fused: FusedAdg, vector: VectorPlan, store_words: int) -> int:
    """32 bits that differ where programs of one chip wouldn't run on another."""
    text = f"{fused.to_json()}{vector}{store_words}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
