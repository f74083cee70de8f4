"""Shared library of the Voxcart services: bus, models, serving, audio, text, lifecycle and command line."""

__version__ = "0.1.0"
