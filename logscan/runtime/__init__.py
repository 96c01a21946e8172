"""Networks in ONNX Runtime: `export` (needs torch) writes the file, `session` (needs onnxruntime alone) runs it."""
