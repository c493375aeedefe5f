"""Faults by the hundred, each campaign ending with one account of what they did.

    python -m tests.campaigns NAME [--count N] [--seed S] [--json]

A campaign counts the faults that really fired, and runs mutants: the same faults against a gateway
with one durability rule broken on purpose.  A mutant that goes unnoticed means that the campaign
proves nothing, so it fails.
"""
