"""Bringing systems in step: recover, pull, match, decide, plan, apply. `run.py` tells the story."""
