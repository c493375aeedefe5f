"""Benchmarks: each row a ratio against a baseline that runs in turn with it, medians of three.

Absolute rates move with the machine; a ratio within one run does not.  Nothing here is an
assertion: a figure that falls short is printed, not hidden.
"""
