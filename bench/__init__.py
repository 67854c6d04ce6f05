"""Measurements against floors and bare loops, as ratios within one run. See README.md."""
