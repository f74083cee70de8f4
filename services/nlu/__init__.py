"""The nlu service: from text to intent, slots with typed values, sentiment and language."""
