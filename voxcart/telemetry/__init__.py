"""Logs, metrics and the identity of a trace."""
