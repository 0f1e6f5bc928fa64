"""Operations that differ in names only are one template."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from frontends.torch_export.tracer import trace  # noqa: E402
from lego.diag import InternalError  # noqa: E402
from lego.ir.kinds import Kind, kind_of  # noqa: E402
from lego.ir.network import Network, reads_of, writes_of  # noqa: E402
from lego.ir.network_json import from_json, to_json  # noqa: E402
from lego.ir.templates import templates, with_names  # noqa: E402

SIZES = ((4, 4), (4, 4), (4, 6))


class Layers(nn.Module):
    """Two layers of one size and one of another, and the first size in another format."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*size, bias=False) for size in SIZES)
        self.wide = nn.Linear(4, 4, bias=False).double()

    def forward(self, x: Any) -> Any:
        for layer in self.layers[:2]:
            x = layer(x)
        return self.layers[2](x), self.wide(x.double())


@pytest.fixture(scope="module")
def network() -> Network:
    return trace(Layers(), (torch.randn(3, 4),)).network


def test_size_and_format_tell_operations_apart(network: Network) -> None:
    products = {
        tuple(op.name.rsplit(".", 1)[0] for op in ops)
        for template, ops in templates(network).items()
        if kind_of(template.step) is Kind.ARRAY
    }
    assert products == {("layers.0", "layers.1"), ("layers.2",), ("wide",)}


def test_every_operation_is_its_template_with_buffers(network: Network) -> None:
    for template, ops in templates(network).items():
        for op in ops:
            made = with_names(template.step, op.name, op.source, reads_of(op), writes_of(op))
            assert made == op
            assert kind_of(template.step) == kind_of(op)
            formats = tuple(network.buffer(name).format for name in reads_of(op))
            assert template.reads == formats


def test_a_file_holds_a_template_once_and_reads_back(network: Network) -> None:
    document = json.loads(json.dumps(to_json(network)))
    assert len(document["templates"]) == len(templates(network)) < len(network.operations)
    assert from_json(document) == network
    with pytest.raises(InternalError, match="of schema 'lego/network/1'"):
        from_json(document | {"schema": "lego/network/1"})
