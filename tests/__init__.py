"""The tests: they mirror `gateway/` one to one, and run against real peers."""
