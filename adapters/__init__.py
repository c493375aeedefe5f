"""How to talk to a kind of system: one folder each, registered under `copperline.adapters`."""
