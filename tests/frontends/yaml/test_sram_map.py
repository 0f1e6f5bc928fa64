"""Maps of SRAMs: what one says, and every mistake in one with its place and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontends.yaml.sram_map import load_sram_map
from lego.diag import LegoError
from lego.ir.sram import SramCell

ROOT = Path(__file__).resolve().parents[3]
MAP = """\
macros:
  - module: SP64X8
    words: 64
    bits: 8
    ports:
      clock: CK
      read: {address: AR, enable: RN, data: Q}
      write: {address: AW, enable: [WN, CN], data: D}
    active_low: [RN]
    ties: {T: 1, EMA: 011}
    area_um2: 12.5
"""


def load(text: str, folder: Path) -> object:
    (folder / "map.yaml").write_text(text)
    return load_sram_map(folder / "map.yaml")


def test_what_a_map_says(tmp_path: Path) -> None:
    (tmp_path / "models.v").write_text("module SP64X8; endmodule\n")
    (tmp_path / "map.yaml").write_text("models: models.v\n" + MAP)
    found = load_sram_map(tmp_path / "map.yaml")
    assert found.models == b"module SP64X8; endmodule\n"
    assert found.cells == (
        SramCell(
            "SP64X8", 64, 8, ("CK",), "AR", ("RN",), "Q", "AW", ("WN", "CN"), "D",
            active_low=("RN",), ties=(("T", "1"), ("EMA", "011")), area=12500,
        ),
    )  # fmt: skip


def test_the_map_that_is_shipped() -> None:
    found = load_sram_map(ROOT / "workloads" / "srams" / "made_up.yaml")
    assert [(cell.words, cell.bits) for cell in found.cells] == [
        (64, 8), (128, 32), (256, 64), (1024, 32), (128, 64)
    ]  # fmt: skip
    assert [(cell.mask, cell.masks) for cell in found.cells if cell.mask] == [("BWENB", 8)]
    for cell in found.cells:
        assert f"module {cell.module} (".encode() in found.models


TWICE = MAP + MAP.partition("\n")[2]
WRONG = {
    "": ("E007", 1, "start with `macros:`"),
    "[]": ("E102", 1, "start with `macros:`"),
    "a: [": ("E004", 1, "brackets"),
    "macros: []": ("E131", 1, "each with module"),
    "macros: {}": ("E131", 1, "a list of macros"),
    MAP.replace("words", "depth"): ("E131", 3, "keys here are module, words"),
    MAP.replace("    words: 64\n", ""): ("E131", 2, "add `words:`"),
    MAP.replace("words: 64", "words: 1"): ("E131", 3, "from 2"),
    MAP.replace("words: 64", "words: '64'"): ("E131", 3, "from 2"),
    MAP.replace("words: 64", "words: 6e1"): ("E131", 3, "from 2"),
    MAP.replace("bits: 8", "bits: 0"): ("E131", 4, "from 1"),
    MAP.replace("read: {", "rw: {"): ("E131", 7, "single-port macros can't be used"),
    MAP.replace("enable: RN, ", ""): ("E131", 7, "one read and one write port"),
    MAP.replace("clock: CK", "clock: []"): ("E131", 6, "one read and one write port"),
    MAP.replace("[RN]", "[AR]"): ("E131", 9, "pins of `enable`"),
    MAP + "    write_mask: {pin: BW}\n": ("E131", 12, "add `bits:`"),
    MAP + "    write_mask: {pin: BW, bits: 3}\n": ("E131", 12, "{pin: BWE, bits: 8}"),
    MAP + "    write_mask: {pin: AW, bits: 8}\n": ("E133", 12, "name it once"),
    MAP + "    write_mask: {pin: wire, bits: 8}\n": ("E134", 12, "no keyword"),
    MAP.replace("T: 1", "T: 2"): ("E131", 10, "see docs/srams.md"),
    MAP.replace("12.5", "-3"): ("E131", 11, "see docs/srams.md"),
    MAP.replace("12.5", "nan"): ("E131", 11, "see docs/srams.md"),
    MAP.replace("12.5", "1.23456"): ("E131", 11, "see docs/srams.md"),
    "models: ../x.v\n" + MAP: ("E131", 1, "beside this one"),
    "models: none.v\n" + MAP: ("E001", 1, "check the path"),
    "models: map.yaml\n" + MAP: ("E131", 1, "beside this one"),
    TWICE: ("E133", 12, "list every macro once"),
    TWICE.replace("SP64X8", "sp64x8", 1): ("E133", 12, "more than case"),
    MAP.replace("AW", "AR"): ("E133", 6, "name it once"),
    MAP.replace("EMA", "D"): ("E133", 10, "name it once"),
    MAP.replace("module: SP64X8", "module: 'a b'"): ("E134", 2, "letters, digits"),
    MAP.replace("module: SP64X8", "module: endmodule"): ("E134", 2, "no keyword"),
    MAP.replace("module: SP64X8", "module: lego_sram_x"): ("E134", 2, "in front"),
    MAP.replace("clock: CK", "clock: 'C;K'"): ("E134", 6, "letters, digits"),
    MAP.replace("T: 1", "'T)': 1"): ("E134", 10, "letters, digits"),
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_mistake_is_told_with_its_place(text: str, tmp_path: Path) -> None:
    code, line, hint = WRONG[text]
    with pytest.raises(LegoError) as caught:
        load(text, tmp_path)
    errors = getattr(caught.value, "errors", (caught.value,))
    places = [(error.code, error.loc and (error.loc.path, error.loc.line)) for error in errors]
    assert (code, (str(tmp_path / "map.yaml"), line)) in places, caught.value
    assert any(hint in error.hint for error in errors), caught.value


def test_models_that_hold_no_module_are_refused(tmp_path: Path) -> None:
    (tmp_path / "models.v").write_text("// nothing\n")
    with pytest.raises(LegoError, match="holds no module"):
        load("models: models.v\n" + MAP, tmp_path)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(LegoError) as caught:
        load(MAP.replace("bits: 8", "bits: no").replace("words", "word"), tmp_path)
    assert str(caught.value).count("error[E131]") == 3
