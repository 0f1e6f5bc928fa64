"""What checks a design: references, simulation, equivalence proofs, comparison with PyTorch and onnx."""
