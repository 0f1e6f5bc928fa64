"""Readers of models and workloads: YAML, PyTorch, ONNX."""
