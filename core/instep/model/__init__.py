"""Buyers, in values and pure rules: no network, no files, no clock."""
