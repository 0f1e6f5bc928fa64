"""Simulates the designs of random workloads in one model."""

from __future__ import annotations

from collections.abc import Callable

from lego.diag import LegoError
from tests.designs import cases_of, verdicts_of
from tests.property.generator import Sample

ILLEGAL = ("E119", "E120", "E122", "E301")
"""What the generators may draw although it is refused."""


def simulate(draw: Callable[[int], Sample], seeds: range) -> int:
    """RTL against NumPy at full and at the drawn bounds; returns how many seeds were legal."""
    texts, cases = {}, []
    for seed in seeds:
        drawn = draw(seed)
        try:
            made = cases_of(drawn.text, seed, [drawn.bounds])
        except LegoError as error:
            assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
            continue
        for case in made:
            texts[case.stream.entry["top"]] = f"{drawn.text}\nbounds {drawn.bounds}"
        cases += made
    for verdict in verdicts_of(cases, seed=seeds.start):
        assert not verdict.failures, f"{verdict.failures}\n{texts[verdict.top]}"
    return len(cases)
