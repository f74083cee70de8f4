"""Slot finders: each turns what was found in a text into slots of one family, knowing the intent."""
