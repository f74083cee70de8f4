"""The names under which the normalisation is imported elsewhere."""

from voxcart_services.tts.text.normalization import VERSION, language_of, spoken_form

__all__ = ["VERSION", "language_of", "spoken_form"]
