"""What the Verilog says about itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.rtl.verilog import to_verilog
from lego.designs import designs_of
from lego.ir.dag import Dag

ROOT = Path(__file__).resolve().parents[3]


def lowered() -> Dag:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / "fused_gemm_sys.yaml"))
    return lower(fused).dag


def test_primitives_tell_their_origin_and_modules_where_they_are() -> None:
    dag = lowered()
    text = to_verilog(dag)
    heads = re.findall(r"^// (\w+): (.*)\nmodule (\w+)\(", text, re.MULTILINE)
    assert {name for _, _, name in heads} == {module.name for module in dag.modules}
    tops = [(kind, place) for kind, place, name in heads if name == dag.top.name]
    assert tops == [("control", "top")]
    several = [place for kind, place, _ in heads if kind == "fu"]
    assert sum(int(place.split()[0]) for place in several) == 16
    products = re.findall(r"assign \w+ = .* \* .*; +// (.*)", text)
    assert products and all(origin.startswith("body of ") for origin in products)
    driven = re.findall(r"^  assign (?!_).*;(.*)$", text, re.MULTILINE)
    assert sum("//" in rest for rest in driven) > 0.8 * len(driven)


def test_comments_are_all_that_origins_change() -> None:
    dag = lowered()
    bare = Dag(
        tuple(replace(m, nodes=tuple(replace(n, origin="") for n in m.nodes)) for m in dag.modules)
    )
    assert bare == dag
    assert re.sub(r"  // .*", "", to_verilog(dag)) == to_verilog(bare)
