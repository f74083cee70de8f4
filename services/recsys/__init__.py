"""Recommendation: what to show next, with a reason that is true and can be spoken."""
