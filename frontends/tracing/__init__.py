"""What readers of models share: views of buffers, and loop nests built from them."""
