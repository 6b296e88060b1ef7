"""Observations to alerts: fold, judge, commit."""
