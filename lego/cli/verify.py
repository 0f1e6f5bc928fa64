"""The command verify: a network's loop nests against its module or its file, in floating point and
in number formats."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import print_json, progress, table
from lego.cli.trace import Shapes, refuse_for_own, refuse_shapes
from lego.diag import LegoError
from lego.heap import rarely_collected
from lego.tell import Tell

if TYPE_CHECKING:
    from frontends.models.sample import Sample
    from sim.compare import Difference
    from sim.subjects import Subject

__all__ = ["Wanted", "verify_network"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is verified, and how.

    Attributes
    ----------
    what, module, shapes, techniques : the network, as of :func:`lego.cli.trace.trace_network`.
    formats : number formats; None: w8a8, or the network's own where techniques change it.
    data : samples of the inputs.
    require : the largest relative error that a layer or an output may have in the formats.
    """

    what: str | None
    module: str | None = None
    shapes: Shapes = ([], [])
    techniques: tuple[str | None, str | None] = (None, None)
    formats: str | None = None
    data: Path | None = None
    device: str = "auto"
    seed: int = 0
    require: float | None = None


@rarely_collected()
def verify_network(wanted: Wanted, as_json: bool) -> None:
    """Run a network and its loop nests, with random weights and inputs where it has none, and
    compare every tensor.

    With techniques, which round, tensors that differ by more than the order of sums are no error:
    where a sum is rounded to integers, another order can give the next one.
    """
    from lego.quantise.scheme import scheme_named

    _check(wanted)
    name, techniques = _named(wanted)
    changed = any(techniques)
    formats = wanted.formats or ("own" if changed else "w8a8")
    scheme = None if formats == "own" else scheme_named(formats)
    with progress(f"verify {name}") as tell:
        subject = _subject(wanted, name, techniques, tell)
        from sim.compare import device_of
        from sim.subjects import in_scheme

        where = device_of(wanted.device)
        _refuse_host(subject)
        tell("run", 0, 0)
        with _told_of_inputs(wanted.data):
            found = subject.differences(where, in_scheme(subject, scheme, where))
    if as_json:
        print_json(
            {"device": str(where), "formats": formats, "tensors": [_plain(d) for d in found]}
        )
    else:
        _print(name, formats, found, str(where))
    _judge(name, found, may_differ=changed)
    if wanted.require is not None:
        _require(wanted.require, formats, found)


@contextmanager
def _told_of_inputs(data: Path | None) -> Iterator[None]:
    """Says what to do where an input is an index outside of what it looks up. Raises E422, E431."""
    try:
        yield
    except IndexError as error:
        message = f"an index in {data or 'the inputs'} is outside its table: {error}"
        hint = "such as a token above the vocabulary; --data gives samples of the inputs"
        raise LegoError("E422", message, hint=hint) from None
    except LegoError as error:
        if error.code != "E431" or data is not None:
            raise
        hint = "the random integers are below 8; --data gives samples of the inputs"
        raise LegoError(error.code, error.message, hint=hint) from None


def _check(wanted: Wanted) -> None:
    if (wanted.what is None) == (wanted.module is None):
        raise LegoError("E904", "give a name or a file, or --module", hint="see lego verify --help")
    require = wanted.require
    if require is not None and not 0 <= require < math.inf:
        raise LegoError("E904", f"--require {require} is no error", hint="such as --require 0.05")


def _named(wanted: Wanted) -> tuple[str, tuple[str | None, str | None]]:
    """The name in the catalogue, or of the file or class, and techniques; options come before keys
    of a workload file."""
    what, techniques = wanted.what, wanted.techniques
    if wanted.module is not None or what is None:
        refuse_for_own(wanted.shapes, techniques)
        return str(wanted.module), techniques
    if Path(what).suffix == ".onnx":
        if any(techniques):
            raise LegoError("E904", "techniques change networks of the catalogue, not ONNX files")
        return what, techniques
    what, techniques = _filed(what, techniques)
    from frontends.models.build import known

    refuse_shapes(what, wanted.shapes)
    known(what)
    return what, techniques


def _filed(
    what: str, techniques: tuple[str | None, str | None]
) -> tuple[str, tuple[str | None, str | None]]:
    """The model of a workload file with its techniques, where options give none; a name as it is."""
    if Path(what).suffix not in (".yaml", ".yml"):
        return what, techniques
    from frontends.models.file import load_model

    found = load_model(Path(what))
    quantize, attention = techniques
    inside = found.techniques
    return found.model, (quantize or inside.quantize, attention or inside.attention)


def _subject(
    wanted: Wanted, name: str, techniques: tuple[str | None, str | None], tell: Tell
) -> Subject:
    """The network and who computes the same."""
    if wanted.module is None and Path(name).suffix == ".onnx":
        return _file_subject(wanted, name)
    sample = _sample(wanted, name, techniques)
    from frontends.torch_export.tracer import trace
    from sim.subjects import ModuleSubject

    name = name if wanted.module is None else wanted.module.rpartition(":")[2]
    traced = trace(sample.module, sample.args, sample.kwargs, name=name, tell=tell)
    return ModuleSubject(traced, _samples(wanted, sample))


def _sample(wanted: Wanted, name: str, techniques: tuple[str | None, str | None]) -> Sample:
    """A network of the catalogue or the user's module, with weights and inputs."""
    if wanted.module is not None:
        from frontends.own_module import own_sample

        return own_sample(wanted.module, wanted.shapes[0], device="cpu", seed=wanted.seed)
    from frontends.models.build import build

    quantize, attention = techniques
    return build(name, device="cpu", seed=wanted.seed, quantize=quantize, attention=attention)


def _file_subject(wanted: Wanted, name: str) -> Subject:
    """An ONNX file at random inputs, or the user's."""
    from frontends.traces import read_model

    read = read_model(Path(name), *wanted.shapes)
    import torch

    from frontends.models.sample import Sample, drawn
    from sim.subjects import FileSubject

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(wanted.seed)
        buffers = [read.network.buffer(buffer) for buffer in read.inputs.values()]
        args = tuple(drawn(buffer.shape, getattr(torch, str(buffer.format))) for buffer in buffers)
    return FileSubject(read, _samples(wanted, Sample(None, args)))


def _samples(wanted: Wanted, sample: Sample) -> list[Sample]:
    from sim.samples import drawn, loaded

    if wanted.data is not None:
        return loaded(wanted.data, sample)
    return [sample, *drawn(sample, 3, wanted.seed)]


def _refuse_host(subject: Subject) -> None:
    calls = subject.network.calls
    if calls:
        hint = "; ".join(f"{call.name}: {call.reason}" for call in calls[:5])
        message = f"{len(calls)} operations of {subject.network.name} are the host's, which isn't run here"
        raise LegoError("E406", message, hint=hint)


def _judge(name: str, found: list[Difference], *, may_differ: bool) -> None:
    """Raises E409 if the loop nests are beyond the tolerance in floating point."""
    apart = [each for each in found if not each.close]
    if apart and not may_differ:
        raise LegoError(
            "E409",
            f"{len(apart)} of {len(found)} tensors of {name} differ, the first at {apart[0].path}",
            hint="please report it with the versions of the packages",
        )


def _is_told(found: Difference) -> bool:
    """Whether it is a row of the table: a layer, an output, or what differs."""
    return found.layer or found.path == "output" or not found.close


def _require(most: float, formats: str, found: list[Difference]) -> None:
    """Raises E412 if the error of a layer or an output in the formats is larger."""
    errors = [(d.formats, d) for d in found if _is_told(d) and d.formats is not None]
    over = [(error, d) for error, d in errors if error > most]
    if over:
        error, worst = max(over, key=lambda each: each[0])
        message = (
            f"{len(over)} of {len(errors)} layers and outputs have errors above {most:g} in "
            f"{formats}, the largest {error:.2g} at {worst.path}"
        )
        hint = "use finer formats, such as --formats bf16, or scales of real inputs with --data"
        raise LegoError("E412", message, hint=hint)


def _plain(found: Difference) -> dict[str, object]:
    """For JSON, which has no infinity."""
    return {k: str(v) if v == math.inf else v for k, v in asdict(found).items()}


def _print(name: str, formats: str, found: list[Difference], where: str) -> None:
    rows = [
        (
            d.path,
            "x".join(map(str, d.shape)),
            *map(_error, (d.module, d.nests, d.formats)),
            "ok" if d.close else "FAR",
        )
        for d in sorted(found, key=lambda d: d.path == "output")
        if _is_told(d)
    ]
    table(("layer", "shape", "reference", "loop nests", formats, ""), rows)
    true = any(d.module is not None for d in found)
    against = "the reference in float64" if true else "the reference"
    apart = sum(not d.close for d in found)
    print(f"Relative errors (Euclidean norms) against {against}; the column {formats} is bit-true.")
    print(
        f"{name}: {len(found)} tensors on {where}, {apart} of the loop nests' beyond the tolerance"
    )


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
