"""Piper: VITS voices in the layout of the Piper project, read from a folder."""
