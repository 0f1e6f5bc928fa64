"""Commands for whole networks: trace, models."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import print_json, progress, table
from lego.cli.messages import as_objects, print_messages
from lego.cli.systems import print_system, system_named
from lego.diag import LegoError
from lego.heap import rarely_collected
from lego.ir.kinds import Kind, kind_of, macs_of, total_macs
from lego.ir.messages import Message
from lego.ir.network import Network, reads_of
from lego.ir.operation import HostCall, Step
from lego.ir.templates import templates

if TYPE_CHECKING:
    from frontends.models.catalogue import Entry
    from frontends.models.system import System
    from frontends.models.techniques.names import Techniques

__all__ = ["Shapes", "list_models", "refuse_for_own", "refuse_shapes", "trace_network"]

Shapes = tuple[list[str], list[str]]
"""The options --input and --dim."""


def list_models(as_json: bool) -> None:
    """Print the catalogue: networks, then systems of several."""
    from frontends.models.catalogue import CATALOGUE
    from frontends.models.systems import SYSTEMS

    if as_json:
        print_json([*map(_entry_object, CATALOGUE), *map(_listed_system, SYSTEMS)])
        return
    table(
        ("name", "what it is", "parameters M", "MACs G"),
        [(e.name, e.about, _figure(e.parameters_m), _figure(e.macs_g)) for e in CATALOGUE],
    )
    table(
        ("pipeline", "what one run of it is", "stages"),
        [(p.name, p.about, len(p.stages)) for p in SYSTEMS],
    )


def _entry_object(entry: Entry) -> dict[str, object]:
    fields = ("name", "family", "about", "parameters_m", "macs_g")
    return {field: getattr(entry, field) for field in fields}


def _listed_system(system: System) -> dict[str, object]:
    return {
        "name": system.name,
        "family": "pipeline",
        "about": system.about,
        "stages": {stage.name: [stage.model, stage.times] for stage in system.stages},
    }


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


@rarely_collected()
def trace_network(
    what: str | None,
    module: str | None,
    sizes: Shapes,
    ops: bool,
    take: str | None,
    out: Path | None,
    strict: bool,
    as_json: bool,
    techniques: tuple[str | None, str | None] = (None, None),
) -> None:
    """Trace what a file or the catalogue names, or a module of the user's own, and print or extract
    what is asked for. `sizes` are the options --input and --dim, `techniques` --quantize and
    --attention."""
    if (what is None) == (module is None):
        raise LegoError("E904", "give a name or a file, or --module", hint="see lego trace --help")
    system = system_named(what) if what is not None else None
    if system is not None:
        single = ops or strict or take is not None or any(techniques)
        _trace_system(system, sizes, single=single, as_json=as_json)
        return
    if module is not None:
        network = _own(module, sizes, techniques)
    else:
        network = _network_of(str(what), techniques, sizes)
    if strict:
        _refuse_host(network)
    if take is not None:
        _extract(network, take, out)
    else:
        _print_network(network, _messages(what, network), ops=ops, as_json=as_json)


def _trace_system(system: System, sizes: Shapes, *, single: bool, as_json: bool) -> None:
    """Trace and print all networks of a system. Raises E904 for what only a `single` one has."""
    refuse_shapes(system.name, sizes)
    models = dict.fromkeys(stage.model for stage in system.stages)
    if single:
        message = f"{system.name} is several networks; name one of them"
        raise LegoError("E904", message, hint=", ".join(models))
    networks = {model: _network_of(model, (None, None)) for model in models}
    print_system(system, networks, as_json=as_json)


def _refuse_host(network: Network) -> None:
    """Raises E406 if an operation is left to the host."""
    if network.calls:
        hint = "; ".join(f"{call.name}: {call.reason}" for call in network.calls[:5])
        message = f"{len(network.calls)} operations of {network.name} are the host's"
        raise LegoError("E406", message, hint=hint)


def _print_network(
    network: Network, messages: Sequence[Message], *, ops: bool, as_json: bool
) -> None:
    if as_json:
        exchanged = {"messages": as_objects(network, messages)} if messages else {}
        print_json(summary(network) | exchanged | (_listed(network) if ops else {}))
    elif ops:
        for alike in templates(network).values():
            print(described(alike[0]))
            if alike[1:]:
                print(f"      {len(alike)} times: {', '.join(op.name for op in alike[1:])} too")
    else:
        _print_summary(network)
        if messages:
            print_messages(network, messages)


def _messages(what: str | None, network: Network) -> tuple[Message, ...]:
    """What a network of the catalogue sends and receives, if it is one rank of several."""
    from frontends.models.parallel import messages_of

    read = what is None or Path(what).suffix == ".onnx"
    return () if read else messages_of(network.name, network)


def _own(place: str, sizes: Shapes, techniques: tuple[str | None, str | None]) -> Network:
    """The network of a class that the user named on the command line."""
    from frontends.own_module import trace_own

    refuse_for_own(sizes, techniques)
    with progress(f"trace {place}"):
        return trace_own(place, sizes[0])


def refuse_for_own(sizes: Shapes, techniques: tuple[str | None, str | None]) -> None:
    """Raises E904 for options that don't go with --module."""
    if any(techniques):
        raise LegoError("E904", "techniques change networks of the catalogue, not --module")
    if sizes[1]:
        hint = "give whole shapes with --input"
        raise LegoError(
            "E904", "--dim sets open dimensions of ONNX files, not of --module", hint=hint
        )


def refuse_shapes(what: str, sizes: Shapes) -> None:
    """Raises E904 for --input or --dim of a network of the catalogue, which has its shapes."""
    if any(sizes):
        hint = "`lego models` lists networks of other sizes"
        raise LegoError(
            "E904",
            f"--input and --dim are for ONNX files and --module; {what} has its shapes",
            hint=hint,
        )


def _network_of(
    what: str, techniques: tuple[str | None, str | None], sizes: Shapes = ([], [])
) -> Network:
    """The network of an ONNX file, or one of the catalogue, traced if it wasn't before."""
    from frontends.traces import cached, read_model, trace_model

    if Path(what).suffix == ".onnx":
        if any(techniques):
            raise LegoError("E904", "techniques change networks of the catalogue, not ONNX files")
        with progress(f"read {what}"):
            return read_model(Path(what), *sizes).network
    refuse_shapes(what, sizes)
    model, how = _model_of(what, techniques)
    network = cached(model, how)
    if network is None:
        with progress(f"trace {how.named(model)}") as tell:
            network = trace_model(model, how, tell=tell)
    return network


def _model_of(what: str, techniques: tuple[str | None, str | None]) -> tuple[str, Techniques]:
    """The catalogue's name and the techniques: of a workload file, where options don't say
    otherwise, or as they stand. Raises E604, E606."""
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
    from frontends.tracing.extract import extract, remarks
    from frontends.yaml.render import render_workload
    from lego.artefact.publish import write_file

    head = "".join(f"# {line}\n" for line in remarks(network, name))
    text = head + render_workload(extract(network, name))
    if out is None:
        print(text, end="")
    else:
        write_file(out, text.encode())
        print(f"wrote {out}: lego compile {out}", file=sys.stderr)


def summary(network: Network) -> dict[str, object]:
    """Parameters, multiply-accumulates, and operations by class."""
    kinds = Counter(kind_of(step).value for step in network.steps)
    return {
        "name": network.name,
        "parameters": network.parameters,
        "macs": total_macs(network),
        "operations": {kind.value: kinds.get(kind.value, 0) for kind in Kind},
        "different_operations": len(templates(network)),
        "host": [
            {"name": call.name, "source": call.source, "reason": call.reason}
            for call in network.calls
        ],
    }


def _listed(network: Network) -> dict[str, object]:
    """Templates, each with the number and the names of its operations; operations with their buffers."""
    from lego.ir.network_json import to_json

    document = to_json(network)
    alike = templates(network).values()
    kept = [
        {"count": len(ops), "names": [op.name for op in ops], **template}
        for template, ops in zip(document["templates"], alike, strict=True)
    ]
    fields = ("name", "source", "template", "outputs", "inputs")
    listed = [dict(zip(fields, each, strict=True)) for each in document["steps"]]
    return {"templates": kept, "operations": listed}


def _print_summary(network: Network) -> None:
    groups: dict[tuple[str, str], list[int]] = {}
    for step in network.steps:
        groups.setdefault((kind_of(step).value, step.source), []).append(macs_of(step))
    rows = [
        (kind, source, len(macs), f"{sum(macs):,}" if macs[0] else "")
        for (kind, source), macs in sorted(groups.items())
    ]
    table(("class", "from", "operations", "MACs"), rows)
    kinds = Counter(kind_of(step).value for step in network.steps)
    counts = ", ".join(f"{kinds[kind.value]:,} {kind}" for kind in Kind if kinds[kind.value])
    macs = total_macs(network)
    print(f"{network.name}: {network.parameters / 1e6:,.1f} M parameters, {macs / 1e9:,.3f} G")
    print(f"MACs; {counts} operations, {summary(network)['different_operations']} different ones")


def described(step: Step) -> str:
    """One step on a line: class, name, loops, what is written from what."""
    reads, kind = ", ".join(reads_of(step)), kind_of(step)
    if isinstance(step, HostCall):
        return f"{kind:6}{step.name}  {step.reason}  {', '.join(step.outputs)} = {reads}"
    loops = " ".join(f"{loop.name}:{loop.extent}" for loop in step.loops)
    writes = ", ".join(f"{output.buffer} {output.reduction}" for output in step.outputs)
    return f"{kind:6}{step.name}  [{loops}]  {writes} {reads}"
