"""Voice engines behind one interface, and the voices that they speak with."""
