"""Where speech begins and a turn ends: voice activity, turn models, rules."""
