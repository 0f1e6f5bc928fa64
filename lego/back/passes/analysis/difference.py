"""Linear programmes over differences, solved by HiGHS and certified in integers.

Rows are ``x_a - x_b >= c`` or ``x_a >= c``, some of them equalities; costs are integers and all variables
are at least 0. The matrix is totally unimodular, so a vertex and its dual are integral. The solver's floats
are rounded and then proven: the answer is feasible, the dual is, and both have the same value, so no answer
is cheaper, whatever the solver did.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lego.diag import InternalError

__all__ = ["DifferenceProgram"]


@dataclass(frozen=True, slots=True)
class _Row:
    """``x_plus - x_minus >= least`` (no `minus`: -1), or ``=`` if `equal`."""

    plus: int
    minus: int
    least: int
    equal: bool


@dataclass
class DifferenceProgram:
    """Minimise ``costs . x``; build with the methods, then :meth:`solve`."""

    name: str
    costs: list[int] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)

    def variable(self, cost: int = 0) -> int:
        """A new variable >= 0; returns its number."""
        self.costs.append(cost)
        return len(self.costs) - 1

    def at_least(self, plus: int, least: int, *, minus: int = -1) -> None:
        """``x_plus >= least``, or ``x_plus - x_minus >= least``."""
        self.rows.append(_Row(plus, minus, least, False))

    def equals(self, plus: int, value: int) -> None:
        """``x_plus = value``."""
        self.rows.append(_Row(plus, -1, value, True))

    def solve(self) -> list[int]:
        """The least answer. Raises InternalError if there is none, or its proof fails."""
        import pulp

        problem = pulp.LpProblem("differences", pulp.LpMinimize)
        x = [pulp.LpVariable(f"x{k}", lowBound=0) for k in range(len(self.costs))]
        constraints = []
        for row in self.rows:
            left = x[row.plus] - x[row.minus] if row.minus >= 0 else x[row.plus]
            constraint = left == row.least if row.equal else left >= row.least
            problem += constraint
            constraints.append(constraint)
        problem.setObjective(pulp.lpSum(c * v for c, v in zip(self.costs, x, strict=True)))
        status = problem.solve(pulp.HiGHS(msg=False, threads=1))
        if pulp.LpStatus[status] != "Optimal":
            raise InternalError(f"{self.name} ended {pulp.LpStatus[status]}")
        answer = [round(v.value() or 0) for v in x]
        self.certify(answer, [round(c.pi or 0) for c in constraints])
        return answer

    def certify(self, answer: list[int], dual: list[int]) -> None:
        """Raise InternalError unless the dual proves that the answer is feasible and least."""
        reduced = list(self.costs)
        bound = 0
        for row, price in zip(self.rows, dual, strict=True):
            slack = answer[row.plus] - (answer[row.minus] if row.minus >= 0 else 0) - row.least
            if slack < 0 or (row.equal and slack):
                raise InternalError(f"{self.name}: the answer breaks a constraint")
            if price < 0 and not row.equal:
                raise InternalError(f"{self.name}: the dual isn't feasible")
            reduced[row.plus] -= price
            if row.minus >= 0:
                reduced[row.minus] += price
            bound += price * row.least
        if min(answer, default=0) < 0 or min(reduced, default=0) < 0:
            raise InternalError(f"{self.name}: the answer or its dual is out of bounds")
        if bound != sum(c * v for c, v in zip(self.costs, answer, strict=True)):
            raise InternalError(f"{self.name}: the answer isn't proven least")
