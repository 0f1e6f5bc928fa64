"""The command verify: a network's loop nests against its module, in floating point and in number formats."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lego.cli.common import print_json, progress, table
from lego.diag import LegoError
from lego.heap import rarely_collected

if TYPE_CHECKING:
    from sim.compare import Difference

__all__ = ["verify_network"]


@rarely_collected()
def verify_network(
    name: str,
    formats: str | None,
    data: Path | None,
    device: str,
    seed: int,
    as_json: bool,
    techniques: tuple[str | None, str | None] = (None, None),
) -> None:
    """Run a network's module and its loop nests with random weights, and compare every tensor.

    With techniques, which round, tensors that differ by more than the order of sums are no error: where a sum is
    rounded to integers, another order can give the next one.
    """
    from frontends.models.build import build, known
    from lego.quantise.scheme import scheme_named

    name, techniques = _named(name, techniques)
    known(name)
    changed = any(techniques)
    formats = formats or ("own" if changed else "w8a8")
    scheme = None if formats == "own" else scheme_named(formats)
    with progress(f"verify {name}"):
        sample = build(
            name, device="cpu", seed=seed, quantize=techniques[0], attention=techniques[1]
        )
        from frontends.torch_export.tracer import trace
        from sim.compare import device_of, differences
        from sim.samples import drawn, loaded

        where = device_of(device)
        traced = trace(sample.module, sample.args, sample.kwargs, name=name)
        runs = loaded(data, sample) if data else [sample, *drawn(sample, 3, seed)]
        try:
            found = differences(
                traced, runs[0].module, runs[0].args, runs[0].kwargs, device=where,
                formats=_formats(traced, runs, scheme, where), truth=True,
            )  # fmt: skip
        except IndexError as error:
            message = f"an index in {data or 'the inputs'} is outside its table: {error}"
            raise LegoError("E422", message, hint="such as a token above the vocabulary") from None
    apart = [each for each in found if not each.close]
    if as_json:
        print_json(
            {"device": str(where), "formats": formats, "tensors": [_plain(d) for d in found]}
        )
    else:
        _print(name, formats, found, str(where))
    if apart and not changed:
        raise LegoError(
            "E409",
            f"{len(apart)} of {len(found)} tensors of {name} differ, the first at {apart[0].path}",
            hint="please report it with the versions of the packages",
        )


def _named(
    what: str, techniques: tuple[str | None, str | None]
) -> tuple[str, tuple[str | None, str | None]]:
    """The catalogue's name, and techniques, of a workload file; options come before its keys."""
    if Path(what).suffix not in (".yaml", ".yml"):
        return what, techniques
    from frontends.models.file import load_model

    found = load_model(Path(what))
    own = (found.techniques.quantize, found.techniques.attention)
    return found.model, (techniques[0] or own[0], techniques[1] or own[1])


def _formats(traced: Any, runs: Any, scheme: Any, where: Any) -> Callable[[Any], Any]:
    """What runs the network bit-true in the scheme's formats: its scales come from all runs."""
    from lego.quantise.apply import in_formats
    from sim.bit_true import BIT_TRUE
    from sim.calibrate import observed, prepared
    from sim.compare import given_to
    from sim.network import execute

    def run(given: dict[str, Any]) -> dict[str, Any]:
        if scheme is None:
            return execute(traced.network, given, arithmetic=BIT_TRUE)
        given_runs = [given_to(traced, s.module, s.args, s.kwargs) for s in runs]
        moved = [{k: v.to(where) for k, v in each.items()} for each in given_runs]
        made = in_formats(traced.network, scheme)
        ready = prepared(made, given, observed(traced.network, moved))
        return execute(made.network, ready, arithmetic=BIT_TRUE)

    return run


def _plain(found: Difference) -> dict[str, object]:
    """For JSON, which has no infinity."""
    return {k: str(v) if v == math.inf else v for k, v in asdict(found).items()}


def _print(name: str, formats: str, found: list[Difference], where: str) -> None:
    rows = [
        (d.path, "x".join(map(str, d.shape)), *map(_error, (d.module, d.nests, d.formats)), "ok" if d.close else "FAR")
        for d in found
        if d.layer or not d.close
    ]  # fmt: skip
    table(("layer", "shape", "module", "loop nests", formats, ""), rows)
    true = any(d.module is not None for d in found)
    against = "the module in float64" if true else "the module"
    apart = sum(not d.close for d in found)
    print(f"Relative errors (Euclidean norms) against {against}; the column {formats} is bit-true.")
    print(
        f"{name}: {len(found)} tensors on {where}, {apart} of the loop nests' beyond the tolerance"
    )


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
