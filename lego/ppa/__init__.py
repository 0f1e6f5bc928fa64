"""Power, performance and area from synthesis on a real cell library."""

from lego.ppa.price import price, report_table

__all__ = ["price", "report_table"]
