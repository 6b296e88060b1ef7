"""Shapes to verdicts: zones, rule packs and the judgement; pure."""
