"""Speech synthesis: text to audio, clause by clause, over gRPC and on the bus."""
