"""A scheme applied to a network."""

from __future__ import annotations

from lego.ir.checks.check import checked
from lego.ir.network import Network
from lego.quantise.network import Quantised, quantised
from lego.quantise.requantise import requantised
from lego.quantise.scheme import Scheme

__all__ = ["in_formats"]


def in_formats(network: Network, scheme: Scheme) -> Quantised:
    """The network in the number formats of a scheme, with what its new parameters and constants hold."""
    made = quantised(network, scheme)
    made = requantised(made) if scheme.shifts else made
    checked(made.network)
    return made
