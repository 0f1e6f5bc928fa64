"""ONNX files as networks of loop nests; nothing in a file is run."""
