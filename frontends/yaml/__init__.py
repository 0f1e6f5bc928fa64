"""Workloads written as YAML loop nests."""

from frontends.yaml.load import beside, load_text, load_workload
from frontends.yaml.schema import json_schema

__all__ = ["beside", "json_schema", "load_text", "load_workload"]
