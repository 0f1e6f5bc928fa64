"""Traces of the catalogue's networks, remembered by what they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from frontends.models.techniques.names import PLAIN, Techniques
from lego.diag import InternalError, LegoError
from lego.ir.network import Network
from lego.ir.network_json import from_json, to_json
from lego.tell import Tell, silent

if TYPE_CHECKING:
    from frontends.onnx_reader.reader import ReadModel

__all__ = ["cached", "missing_packages", "read_model", "sizes_of", "trace_model"]

PACKAGES = ("torch", "diffusers", "transformers", "timm", "torchvision")
REPRESENTATION = (
    "affine", "array", "closed", "constants", "domain", "expr", "formats", "hardware", "intervals", "kinds",
    "network", "network_json", "operation", "parametric", "promotion", "templates", "workload",
)  # fmt: skip
"""What networks are made of, and what says their number formats: files of `lego/ir`."""
FOLDERS = ("models", "models/techniques", "torch_export", "tracing")


def cached(name: str, how: Techniques = PLAIN) -> Network | None:
    """The network of the catalogue as it was traced before, if nothing that it depends on has changed."""
    path = _path(how.named(name))
    try:
        return from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, InternalError):
        return None


def trace_model(name: str, how: Techniques = PLAIN, *, tell: Tell = silent) -> Network:
    """Trace a network of the catalogue with these techniques on the meta device, and remember it;
    `tell` hears how far it is.

    Raises E604 for an unknown name, E605 for missing packages, E606 and E607 for techniques, E401
    and E402 as the tracer.
    """
    from frontends.models.build import build

    try:
        from frontends.torch_export.tracer import trace
    except ImportError as error:
        raise missing_packages(error) from error
    tell("build", 0, 0)
    sample = build(name, quantize=how.quantize, attention=how.attention)
    full = how.named(name)
    network = trace(sample.module, sample.args, sample.kwargs, name=full, tell=tell).network
    _remember(_path(full), network)
    return network


def read_model(path: Path, inputs: Sequence[str] = (), dims: Sequence[str] = ()) -> ReadModel:
    """The network of an ONNX file, with `NAME=1,3,8,8` or shapes in order, and `batch=1`, for what
    it leaves open.

    Raises E605 for missing packages, E402 and E408 as the reader, E904 for sizes that can't be read
    or don't fit.
    """
    try:
        from frontends.onnx_reader.reader import read_onnx
        from frontends.onnx_reader.shapes import Sizes
    except ImportError as error:
        raise missing_packages(error) from error
    shapes = [(text.rpartition("=")[0], sizes_of(text.rpartition("=")[2])) for text in inputs]
    named = {name: shape for name, shape in shapes if name}
    if len(named) < sum(1 for name, _ in shapes if name):
        raise LegoError("E904", "an input is given twice", hint="give it once")
    unnamed = [shape for name, shape in shapes if not name]
    return read_onnx(path, sizes=Sizes(named, unnamed, _dims(dims)))


def _dims(texts: Sequence[str]) -> dict[str, int]:
    """`batch=1` and the like. Raises E904."""
    found: dict[str, int] = {}
    for text in texts:
        name, _, size = text.rpartition("=")
        sizes = _sizes(size)
        if not name or len(sizes) != 1:
            hint = "a name and a size from 1, such as batch=1"
            raise LegoError("E904", f"{text[:40]!r} is no dimension", hint=hint)
        if name in found:
            raise LegoError("E904", f"dimension {name[:40]!r} is given twice", hint="give it once")
        found[name] = sizes[0]
    return found


def sizes_of(text: str) -> list[int]:
    """Elements per dimension, from `1,3,224,224`. Raises E904."""
    sizes = _sizes(text)
    if not sizes:
        hint = "such as 1,3,224,224; of the user's own module 1,128:int64 too"
        raise LegoError("E904", f"{text[:40]!r} is no shape", hint=hint)
    return sizes


def _sizes(text: str) -> list[int]:
    """Decimal numbers from 1; none if anything else is among them."""
    sizes = [int(n) for n in text.split(",") if n.isascii() and n.isdecimal() and len(n) < 10]
    return [] if len(sizes) != text.count(",") + 1 or 0 in sizes else sizes


def missing_packages(error: ImportError) -> LegoError:
    """The error for packages of the extra `models` that aren't there."""
    return LegoError(
        "E605",
        f"tracing needs a package that can't be imported: {error}",
        hint="pip install 'lego-accelerator[models]'",
    )


def _remember(path: Path, network: Network) -> None:
    """Write the trace whole or not at all; a disk that refuses only costs the next run its time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(json.dumps(to_json(network), separators=(",", ":")).encode())
        Path(file.name).replace(path)
    except OSError:
        return


def _path(name: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "lego" / "traces" / f"{name}-{_digest(name)}.json"


def _digest(name: str) -> str:
    """Of the name, the packages' versions and the sources of the readers."""
    digest = hashlib.sha256(name.encode())
    for package in PACKAGES:
        try:
            digest.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            digest.update(f"{package} none\n".encode())
    here = Path(__file__).resolve().parent
    sources = [p for folder in FOLDERS for p in (here / folder).glob("*.py")]
    ir = here.parent / "lego" / "ir"
    for path in sorted([*sources, *(ir / f"{name}.py" for name in REPRESENTATION)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:24]
