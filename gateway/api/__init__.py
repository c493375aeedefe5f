"""The REST facade: what an HTTP client of 2009 can use, and nobody else can enter.

Documents go in through intake like every other; what is read leaves through the caller's agreement,
by the projector that serves the bus.  A route without a rule admits nobody.
"""
