"""Kokoro-82M: a StyleTTS 2 model with 54 voices."""
