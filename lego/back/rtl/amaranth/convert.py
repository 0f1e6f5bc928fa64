"""RTLIL of one module by Amaranth."""

from __future__ import annotations

import re
from contextlib import nullcontext

from amaranth.back import rtlil

from lego.back.rtl.amaranth.fragment import design_of
from lego.back.rtl.amaranth.loops import may_loop
from lego.back.rtl.amaranth.quick import quick
from lego.back.rtl.amaranth.wide import joined
from lego.back.rtl.job import Needs
from lego.ir.dag import Module

__all__ = ["convert"]


def convert(module: Module, needs: Needs, top: bool) -> str:
    """RTLIL of one module, without power-up values: only the reset gives state a value."""
    with nullcontext() if may_loop(module) else quick():
        text, _ = rtlil.convert_fragment(design_of(module, needs), emit_src=False)
    text = joined(text)
    if "attribute \\init" in text:
        text = re.sub(r"^ *attribute \\init .*\n", "", text, flags=re.MULTILINE)
    if "$meminit_v2" in text:
        text = re.sub(r"^ *cell \$meminit_v2 .*?^ *end\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return text if top else text.replace("attribute \\top 1\n", "")
