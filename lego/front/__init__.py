"""From a workload and its dataflows to an architecture graph: reuse, banks, fusion."""
