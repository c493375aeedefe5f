"""End to end, by the commands that people type, on real peers."""
