"""All that touches Amaranth, private parts of it among them, behind
:func:`lego.back.rtl.amaranth.convert.convert`.

Tested with Amaranth 0.5.10. What isn't public there: `hdl._ast` and `hdl._ir`, for statements and designs
without the checks of `Module`, which cost more than all the rest; `MemoryData.Init._raw`, as a memory
without initial values can't be asked for (amaranth-lang/amaranth#270); and the functions that `quick`
replaces (by its own, those of `expressions` and of `printing`), where one bit at a time is slow. With another
version than those in `quick.KNOWN` the last are left as they are.
"""
