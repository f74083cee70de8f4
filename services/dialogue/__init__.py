"""Dialogue service: an understood utterance to what is done and said."""
