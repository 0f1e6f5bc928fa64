"""Difference programmes: least by brute force, and nothing but the least is certified."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.back.passes.analysis.difference import DifferenceProgram
from lego.diag import InternalError

TOP = 6


def random_program(seed: int) -> DifferenceProgram:
    """Waits of a random graph of 2 to 5 nodes, some at fixed times, with shared registers."""
    r = random.Random(seed)
    program = DifferenceProgram(f"random {seed}")
    n = r.randint(2, 5)
    nodes = [program.variable(r.randint(0, 1)) for _ in range(n)]
    for u, v in itertools.combinations(nodes, 2):
        if r.random() < 0.7:
            weight, latency = r.randint(1, 5), r.randint(0, 1)
            program.at_least(v, latency, minus=u)
            program.costs[v] += weight
            program.costs[u] -= weight
    for node in nodes:
        program.costs[node] = (
            max(program.costs[node], 0) if r.random() < 0.5 else program.costs[node]
        )
    program.equals(nodes[0], r.randint(0, 1))
    program.at_least(nodes[-1], r.randint(0, 2))
    return program


def brute_force(program: DifferenceProgram) -> int:
    best = None
    for x in itertools.product(range(TOP + 1), repeat=len(program.costs)):
        for row in program.rows:
            slack = x[row.plus] - (x[row.minus] if row.minus >= 0 else 0) - row.least
            if slack < 0 or (row.equal and slack):
                break
        else:
            cost = sum(c * v for c, v in zip(program.costs, x, strict=True))
            best = cost if best is None else min(best, cost)
    assert best is not None
    return best


def test_two_hundred_optima() -> None:
    solved = 0
    for seed in range(260):
        program = random_program(seed)
        try:
            answer = program.solve()
        except InternalError as error:
            assert any(said in str(error) for said in ("Unbounded", "Undefined", "Infeasible"))
            continue
        if max(answer) < TOP:
            cost = sum(c * v for c, v in zip(program.costs, answer, strict=True))
            assert cost == brute_force(program)
            solved += 1
    assert solved >= 200


def test_only_the_least_answer_is_certified() -> None:
    program = DifferenceProgram("two")
    a, b = program.variable(), program.variable(3)
    program.equals(a, 1)
    program.at_least(b, 2, minus=a)
    assert program.solve() == [1, 3]
    program.certify([1, 3], [3, 3])
    for answer, dual in (([1, 4], [3, 3]), ([1, 2], [3, 3]), ([1, 3], [0, 3]), ([1, 3], [-1, -1])):
        with pytest.raises(InternalError):
            program.certify(answer, dual)
