"""Converters from the formats that weights are published in to ONNX. Each needs numpy and onnx only."""
