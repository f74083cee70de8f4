"""Speech recognition: streaming Whisper, endpointing, correction."""
