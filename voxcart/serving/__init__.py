"""Running ONNX models: sessions on a provider that is checked, dynamic batching, device binding, metrics."""
