"""From written text to what the voice model reads: clauses, spoken words, phonemes."""
