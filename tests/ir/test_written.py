"""Results that are written in one word."""

from __future__ import annotations

from frontends.yaml import load_text
from lego.designs import designs_of
from lego.ir.written import first_of, grouped, written_words
from tests.back.designs import GEMM, WAITING
from tests.designs import with_style


def words(text: str) -> list[tuple[tuple[int, ...], ...]]:
    (fused,) = designs_of(load_text(text))
    adg = fused.layers[0].adg
    return written_words(adg, adg.output)


def test_nodes_beside_each_other_that_wait_equally_long() -> None:
    """Two of a row of three by two, along the second axis."""
    assert words(with_style(WAITING, "wide")) == [((k, 0), (k, 1)) for k in range(3)]
    assert words(with_style(WAITING, "narrow")) == [((k, n),) for k in range(3) for n in range(2)]


def test_nodes_on_a_diagonal_write_alone() -> None:
    assert all(len(word) == 1 for word in words(with_style(GEMM, "wide")))


def test_groups_keep_their_order() -> None:
    assert grouped([(1,), (0,), (1,), (2,)]) == [[0, 2], [1], [3]]


def test_the_first_is_the_least_along_all_axes() -> None:
    assert first_of([(1, 2), (1, 1), (2, 1)]) == (1, 1)
    assert first_of([(1, 2), (2, 1)]) is None
