"""Streaming Zipformer transducers in the icefall/sherpa-onnx layout, stepped in batches over all streams."""
