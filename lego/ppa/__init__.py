"""Power, performance and area from synthesis on a real cell library."""

from lego.ppa.price import check_clock, price, report_table

__all__ = ["check_clock", "price", "report_table"]
