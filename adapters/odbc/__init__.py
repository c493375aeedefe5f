"""Databases through ODBC: read by keyset without missing a row, written back without doubling one."""
