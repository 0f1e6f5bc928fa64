"""Operators that only arrange elements anew: views where that is affine, copies where it isn't."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frontends.torch_export.context import Tracer
from frontends.torch_export.registry import lowers
from frontends.tracing.drafts import Input
from frontends.tracing.nests import Term, Window
from frontends.tracing.views import View
from lego.ir.formats import BOOL, Float, Format
from lego.ir.network import Role

__all__ = ["reshaped", "sliced"]


def reshaped(t: Tracer, view: View, shape: Sequence[int]) -> View:
    """The view in another shape; copied first if its atoms don't give it."""
    found = view.reshaped(shape)
    if found is None:
        found = t.nests.flattened(view, t.path).reshaped(shape)
    assert found is not None  # noqa: S101 - one dimension can be cut into every shape
    return found


@lowers("view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints",
        "unflatten.int", "view_as.default", "reshape_as.default")  # fmt: skip
def _reshape(t: Tracer, x: Any, *_: Any, **__: Any) -> View:
    return reshaped(t, t.view(x), t.out().shape)


@lowers("dropout.default", "feature_dropout.default")
def _dropout(t: Tracer, x: Any, p: float = 0.5, train: bool = False) -> View:
    if train and p:
        raise t.fail("dropout in training mode can't be lowered", "leave it to .eval()")
    return t.view(x)


@lowers("contiguous.default", "clone.default", "alias.default", "detach.default",
        "lift_fresh_copy.default", "detach_.default", "positive.default")  # fmt: skip
def _same(t: Tracer, x: Any, *_: Any, **__: Any) -> View:
    return t.view(x)


@lowers("transpose.int", "swapaxes.default")
def _transpose(t: Tracer, x: Any, a: int, b: int) -> View:
    view = t.view(x)
    order = list(range(len(view.dims)))
    order[a], order[b] = order[b], order[a]
    return view.permuted(order)


@lowers("t.default", "numpy_T.default")
def _t(t: Tracer, x: Any) -> View:
    view = t.view(x)
    return view.permuted(range(len(view.dims))[::-1])


@lowers("mT.default")
def _transposed(t: Tracer, x: Any) -> View:
    return _transpose(t, x, -1, -2)


@lowers("permute.default")
def _permute(t: Tracer, x: Any, order: Sequence[int]) -> View:
    view = t.view(x)
    return view.permuted([k % len(view.dims) for k in order])


@lowers("movedim.int", "movedim.intlist")
def _movedim(t: Tracer, x: Any, source: Any, target: Any) -> View:
    view = t.view(x)
    rank = len(view.dims)
    sources = [s % rank for s in ([source] if isinstance(source, int) else source)]
    targets = [s % rank for s in ([target] if isinstance(target, int) else target)]
    rest = iter(k for k in range(rank) if k not in sources)
    placed = dict(zip(targets, sources, strict=True))
    return view.permuted([placed[k] if k in placed else next(rest) for k in range(rank)])


@lowers("unsqueeze.default")
def _unsqueeze(t: Tracer, x: Any, dim: int) -> View:
    view = t.view(x)
    return view.inserted(dim % (len(view.dims) + 1))


@lowers("squeeze.dim", "squeeze.dims", "squeeze.default")
def _squeeze(t: Tracer, x: Any, *_: Any) -> View:
    return reshaped(t, t.view(x), t.out().shape)


@lowers("expand.default", "expand_as.default", "broadcast_to.default")
def _expand(t: Tracer, x: Any, *_: Any, **__: Any) -> View:
    return t.view(x).expanded(tuple(t.out().shape))


def sliced(t: Tracer, view: View, dim: int, start: int, stop: int, step: int = 1) -> View:
    """Every `step`-th index from `start` to `stop`; a view that can't be cut so is copied first."""
    found = view.sliced(dim, start, stop, step)
    if found is None:
        found = t.nests.copied(view, t.path).sliced(dim, start, stop, step)
    assert found is not None  # noqa: S101 - a whole buffer can be sliced everywhere
    return found


@lowers("slice.Tensor")
def _slice(
    t: Tracer, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> View:
    view = t.view(x)
    dim %= len(view.dims)
    first, last, _ = slice(start, end, step).indices(view.shape[dim])
    return sliced(t, view, dim, first, last, step)


@lowers("narrow.default")
def _narrow(t: Tracer, x: Any, dim: int, start: int, length: int) -> View:
    view = t.view(x)
    dim %= len(view.dims)
    start += view.shape[dim] if start < 0 else 0
    return sliced(t, view, dim, start, start + length)


@lowers("select.int")
def _select(t: Tracer, x: Any, dim: int, index: int) -> View:
    view = t.view(x)
    dim %= len(view.dims)
    index %= view.shape[dim]
    return sliced(t, view, dim, index, index + 1).removed([dim])


@lowers("unbind.int")
def _unbind(t: Tracer, x: Any, dim: int = 0) -> list[View]:
    view = t.view(x)
    dim %= len(view.dims)
    return [sliced(t, view, dim, k, k + 1).removed([dim]) for k in range(view.shape[dim])]


@lowers(
    "chunk.default",
    "split.Tensor",
    "split_with_sizes.default",
    "split.sizes",
    "tensor_split.sections",
)
def _split(t: Tracer, x: Any, _: Any, dim: int = 0) -> list[View]:
    """The pieces' sizes are those of the results."""
    view = t.view(x)
    pieces, start = [], 0
    for k in range(len(t.out())):
        size = t.out(k).shape[dim]
        pieces.append(sliced(t, view, dim % len(view.dims), start, start + size))
        start += size
    return pieces


@lowers("cat.default", "concat.default")
def _cat(t: Tracer, parts: Sequence[Any], dim: int = 0) -> View:
    return _joined(t, parts, dim, tuple(t.out().shape))


def _joined(t: Tracer, parts: Sequence[Any], dim: int, shape: Sequence[int]) -> View:
    dim %= len(shape)
    out = t.nests.declare(f"{t.path}.out", shape, t.fmt(), Role.RESULT)
    labels = tuple(f"d{k}" for k in range(len(shape)))
    start = 0
    for part in parts:
        view = t.view(part)
        if len(view.dims) != len(shape) or 0 in view.shape:
            continue  # an empty tensor, as torch.cat allows
        size = view.shape[dim]
        into = out.sliced(dim, start, start + size)
        t.nests.nest(
            t.path, t.source, labels, t.fmt(), [Term(view, labels)], Input(0), into=into,
            sizes=dict(zip(labels, view.shape, strict=True)),
        )  # fmt: skip
        start += size
    return out


@lowers("stack.default")
def _stack(t: Tracer, parts: Sequence[Any], dim: int = 0) -> View:
    dim %= len(t.out().shape)
    return _cat(t, [t.view(part).inserted(dim) for part in parts], dim)


@lowers("repeat.default", "tile.default")
def _repeat(t: Tracer, x: Any, times: Sequence[int]) -> View:
    view = t.view(x)
    for _ in range(len(times) - len(view.dims)):
        view = view.inserted(0)
    first = len(view.dims) - len(times)  # `tile` names the last dimensions
    for k, n in enumerate(times):
        view = view.repeated(first + k, n)
    return view


@lowers("repeat_interleave.self_int")
def _repeat_interleave(t: Tracer, x: Any, times: int, dim: int | None = None, **_: Any) -> View:
    view = t.view(x)
    if dim is None:
        view, dim = reshaped(t, view, [t.out().numel() // times]), 0
    return view.repeated(dim % len(view.dims), times, each=True)


@lowers("flip.default")
def _flip(t: Tracer, x: Any, dims: Sequence[int]) -> View:
    view = t.view(x)
    for dim in dims:
        size = view.shape[dim]
        view = sliced(t, view, dim % len(view.dims), size - 1, -1, -1)
    return view


@lowers("roll.default")
def _roll(t: Tracer, x: Any, shifts: Sequence[int], dims: Sequence[int] = ()) -> View:
    view = t.view(x)
    if not dims:  # all elements in their order
        flat = reshaped(t, view, [t.out().numel()])
        return reshaped(t, _rolled(t, flat, shifts, [0]), view.shape)
    return _rolled(t, view, shifts, dims)


def _rolled(t: Tracer, view: View, shifts: Sequence[int], dims: Sequence[int]) -> View:
    for shift, dim in zip(shifts, dims, strict=True):
        dim, size = dim % len(view.dims), view.shape[dim]
        cut = -shift % size
        if cut:
            parts = [sliced(t, view, dim, cut, size), sliced(t, view, dim, 0, cut)]
            view = _joined(t, parts, dim, view.shape)
    return view


@lowers("pixel_shuffle.default")
def _pixel_shuffle(t: Tracer, x: Any, factor: int) -> View:
    *batch, c, h, w = t.view(x).shape
    n = len(batch)
    split = reshaped(t, t.view(x), [*batch, c // factor**2, factor, factor, h, w])
    mixed = split.permuted([*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return reshaped(t, mixed, t.out().shape)


@lowers("pixel_unshuffle.default")
def _pixel_unshuffle(t: Tracer, x: Any, factor: int) -> View:
    *batch, c, h, w = t.view(x).shape
    n = len(batch)
    split = reshaped(t, t.view(x), [*batch, c, h // factor, factor, w // factor, factor])
    mixed = split.permuted([*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return reshaped(t, mixed, t.out().shape)


def _held(fmt: Format, value: float) -> float:
    """A number as a format holds it: of integers without its fraction, true if it isn't 0."""
    if fmt == BOOL:
        return int(value != 0)
    return float(value) if isinstance(fmt, Float) else int(value)


@lowers("pad.default", "constant_pad_nd.default")
def _pad(t: Tracer, x: Any, sides: Sequence[int], mode: Any = "constant", value: Any = 0.0) -> View:
    if not isinstance(mode, str):
        mode, value = "constant", mode
    if mode != "constant":
        raise t.fail(f"padding by {mode!r} can't be lowered", "pad with a constant")
    view, shape = t.view(x), tuple(t.out().shape)
    rank = len(shape)
    before = {rank - 1 - k: sides[2 * k] for k in range(len(sides) // 2)}
    labels = tuple(f"d{k}" for k in range(rank))
    places = tuple(Window(((1, each),), -before.get(k, 0)) for k, each in enumerate(labels))
    sizes = dict(zip(labels, shape, strict=True))
    term = Term(view, places, pad=_held(t.fmt(), 0.0 if value is None else value))
    return t.nests.nest(t.path, t.source, labels, t.fmt(), [term], Input(0), sizes=sizes)


@lowers("upsample_nearest2d.vec", "upsample_nearest2d.default")
def _upsample_nearest(t: Tracer, x: Any, *_: Any, **__: Any) -> View:
    view, shape = t.view(x), tuple(t.out().shape)
    for dim in (-2, -1):
        if shape[dim] % view.shape[dim]:
            raise t.fail("nearest interpolation needs a whole factor")
        times = shape[dim] // view.shape[dim]
        view = view.repeated(len(shape) + dim, times, each=True)
    return view
