"""Proposes mapping files from what a live system lists. Reads, reckons and writes nothing.

Every guess has a confidence from 0 to 100 and a reason; what stays below the threshold is a question.
"""
