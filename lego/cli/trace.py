"""Commands for whole networks: trace, models."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import print_json, progress, table
from lego.diag import LegoError
from lego.ir.network import Kind, Network, Operation

if TYPE_CHECKING:
    from frontends.models.techniques.names import Techniques

__all__ = ["list_models", "trace_network", "verify_network"]


def list_models(as_json: bool) -> None:
    """Print the catalogue."""
    from frontends.models.catalogue import CATALOGUE

    if as_json:
        print_json(
            [
                {
                    "name": e.name,
                    "family": e.family,
                    "about": e.about,
                    "parameters_m": e.parameters_m,
                    "macs_g": e.macs_g,
                }
                for e in CATALOGUE
            ]
        )
        return
    table(
        ("name", "what it is", "parameters M", "MACs G"),
        [(e.name, e.about, _figure(e.parameters_m), _figure(e.macs_g)) for e in CATALOGUE],
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def trace_network(
    what: str | None,
    own: tuple[str, list[str]] | None,
    ops: bool,
    take: str | None,
    out: Path | None,
    strict: bool,
    as_json: bool,
    techniques: tuple[str | None, str | None] = (None, None),
) -> None:
    """Trace what a file or the catalogue names, or a module of the user's own with inputs of these shapes,
    and print or extract what is asked for. `techniques` are the options --quantize and --attention."""
    if (what is None) == (own is None):
        raise LegoError("E904", "give a name or a file, or --module", hint="see lego trace --help")
    if own is not None and any(techniques):
        raise LegoError("E904", "techniques change networks of the catalogue, not --module")
    network = _own(*own) if own is not None else _network_of(str(what), techniques)
    host = [op for op in network.operations if op.kind is Kind.HOST]
    if strict and host:
        hint = "; ".join(f"{op.name}: {op.reason}" for op in host[:5])
        raise LegoError(
            "E406", f"{len(host)} operations of {network.name} are the host's", hint=hint
        )
    if take is not None:
        _extract(network, take, out)
    elif as_json:
        print_json(summary(network) | ({"operations": _listed(network)} if ops else {}))
    elif ops:
        for op in network.operations:
            print(described(op))
    else:
        _print_summary(network)


def _own(place: str, inputs: list[str]) -> Network:
    """The network of a class that the user named on the command line."""
    from frontends.own_module import trace_own

    with progress(f"trace {place}"):
        return trace_own(place, inputs)


def _network_of(what: str, techniques: tuple[str | None, str | None]) -> Network:
    """The network of an ONNX file, or one of the catalogue, traced if it wasn't before."""
    from frontends.traces import cached, read_model, trace_model

    if Path(what).suffix == ".onnx":
        if any(techniques):
            raise LegoError("E904", "techniques change networks of the catalogue, not ONNX files")
        with progress(f"read {what}"):
            return read_model(Path(what))
    model, how = _model_of(what, techniques)
    network = cached(model, how)
    if network is None:
        with progress(f"trace {how.named(model)}"):
            network = trace_model(model, how)
    return network


def _model_of(what: str, techniques: tuple[str | None, str | None]) -> tuple[str, Techniques]:
    """The catalogue's name and the techniques: of a workload file, where options don't say otherwise, or as they
    stand. Raises E604, E606."""
    from frontends.models.techniques.names import checked

    path = Path(what)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        from frontends.models.file import load_model

        file = load_model(path)
        quantize, attention = techniques
        inside = file.techniques
        return file.model, checked(quantize or inside.quantize, attention or inside.attention)
    from frontends.models.build import known

    known(what)
    return what, checked(*techniques)


def _extract(network: Network, name: str, out: Path | None) -> None:
    from frontends.tracing.extract import extract
    from frontends.yaml.render import render_workload
    from lego.publish import write_file

    text = render_workload(extract(network, name))
    if out is None:
        print(text, end="")
    else:
        write_file(out, text.encode())
        print(f"wrote {out}: lego compile {out}", file=sys.stderr)


def summary(network: Network) -> dict[str, object]:
    """Parameters, multiply-accumulates, and operations by class."""
    kinds = Counter(op.kind.value for op in network.operations)
    distinct = Counter(_shape_of(op) for op in network.operations)
    return {
        "name": network.name,
        "parameters": network.parameters,
        "macs": network.macs,
        "operations": {kind.value: kinds.get(kind.value, 0) for kind in Kind},
        "different_operations": len(distinct),
        "host": [
            {"name": op.name, "source": op.source, "reason": op.reason}
            for op in network.operations
            if op.kind is Kind.HOST
        ],
    }


def _shape_of(op: Operation) -> object:
    """What two operations have in common that need the same hardware and the same time."""
    places = [(p.map, p.pad, p.indirect) for p in (op.output, *op.inputs)]
    return op.kind, tuple(loop.extent for loop in op.loops), tuple(places), op.body, op.reduction


def _listed(network: Network) -> list[dict[str, object]]:
    from lego.ir.network_json import to_json

    found: list[dict[str, object]] = to_json(network)["operations"]
    return found


def _print_summary(network: Network) -> None:
    groups: dict[tuple[str, str], list[Operation]] = {}
    for op in network.operations:
        groups.setdefault((op.kind.value, op.source), []).append(op)
    rows = [
        (kind, source, len(ops), f"{sum(op.macs for op in ops):,}" if ops[0].macs else "")
        for (kind, source), ops in sorted(groups.items())
    ]
    table(("class", "from", "operations", "MACs"), rows)
    kinds = Counter(op.kind.value for op in network.operations)
    counts = ", ".join(f"{kinds[kind.value]:,} {kind}" for kind in Kind if kinds[kind.value])
    print(
        f"{network.name}: {network.parameters / 1e6:,.1f} M parameters, {network.macs / 1e9:,.3f} G"
    )
    print(f"MACs; {counts} operations, {summary(network)['different_operations']} different ones")


def described(op: Operation) -> str:
    """One operation on a line: class, name, loops."""
    loops = " ".join(f"{loop.name}:{loop.extent}" for loop in op.loops)
    reads = ", ".join(place.buffer for place in op.inputs)
    note = op.reason or f"[{loops}]"
    return f"{op.kind:6}{op.name}  {note}  {op.output.buffer} {op.reduction} {reads}"


def verify_network(name: str, device: str, seed: int, as_json: bool) -> None:
    """Run a network's module and its loop nests with random weights, and compare every tensor."""
    from dataclasses import asdict

    from frontends.models.build import build, known

    known(name)
    with progress(f"verify {name}"):
        sample = build(name, device="cpu", seed=seed)
        from frontends.torch_export.tracer import trace
        from sim.compare import device_of, differences

        where = device_of(device)
        traced = trace(sample.module, sample.args, sample.kwargs, name=name)
        found = differences(traced, sample.module, sample.args, sample.kwargs, device=where)
    apart = [each for each in found if not each.close]
    worst = sorted(found, key=lambda d: (d.close, -d.absolute / max(1.0, d.largest)))[:10]
    if as_json:
        print_json({"device": str(where), "tensors": [asdict(each) for each in found]})
    else:
        rows = [
            (d.path, "x".join(map(str, d.shape)), f"{d.largest:.3g}", f"{d.absolute:.2e}", "ok" if d.close else "FAR")
            for d in worst
        ]  # fmt: skip
        table(("tensor, the ten farthest apart", "shape", "largest", "difference", ""), rows)
        print(
            f"{name}: {len(found)} tensors on {where}, {len(apart)} beyond the tolerance of float32"
        )
    if apart:
        raise LegoError(
            "E409",
            f"{len(apart)} of {len(found)} tensors of {name} differ, the first at {apart[0].path}",
            hint="please report it with the versions of the packages",
        )
