"""Load generators: each answers one question with percentiles, counts and the machine they were measured on."""
