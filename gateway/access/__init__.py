"""Who may enter, and what they may do: deny by default.

A caller is a file of the site, `callers/<name>.yaml`: its roles, the feeds it is granted, the
agreement that it reads through, and how it proves who it is.  Keys are made by commands and lie
beside it as digests; a key itself is shown once and kept nowhere.
"""

from __future__ import annotations

from gateway.access.book import Book
from gateway.access.caller import ROLES, Caller, CallerLimits, Role, load, load_all
from gateway.access.lockout import Lockout

__all__ = ["ROLES", "Book", "Caller", "CallerLimits", "Lockout", "Role", "load", "load_all"]
