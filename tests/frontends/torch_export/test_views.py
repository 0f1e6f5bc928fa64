"""Windowed operators on views, in every pair, against eager PyTorch: where a view splits a
dimension, the loops that it adds must be in every index, the output's too."""

from __future__ import annotations

import random
from itertools import islice

import pytest

torch = pytest.importorskip("torch")

from tests.frontends.torch_export.compare import compare  # noqa: E402
from tests.frontends.torch_export.windows import OPERATORS, VIEWS, Chain, Together, chain, pairs  # noqa: E402

GROUP = 16
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")


def groups() -> list[list[tuple[str, str]]]:
    every = iter(pairs())
    return list(iter(lambda: list(islice(every, GROUP)), []))


def agree(chains: list[Chain]) -> None:
    compare(Together(chains), [each.x for each in chains])


@pytest.mark.parametrize("number", range(len(groups())))
def test_every_operator_after_every_view(number: int) -> None:
    agree([chain(f"{view}-{op}", [view, op]) for view, op in groups()[number]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_operators_after_views_of_operators_after_views(seed: int) -> None:
    rng = random.Random(seed)
    chains = []
    for number in range(GROUP):
        axes = rng.choice([1, 2, 2, 2, 3])
        fitting = [name for name, (n, _) in OPERATORS.items() if n == axes]
        views = [v for v in VIEWS if axes == 2 or v not in ("nearest", "shuffled", "unshuffled")]
        *before, after = rng.sample(views, k=rng.randint(2, 4))  # two shuffles need 16 channels
        names = [*before, rng.choice(fitting), after, rng.choice(fitting)]
        chains.append(chain(f"{seed}-{number}", names))
    agree(chains)
