"""Whisper on ONNX Runtime: features, model, decoding, guards."""
