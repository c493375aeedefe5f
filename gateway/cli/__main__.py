"""`python -m gateway.cli` is `copperline`."""

from gateway.cli import main

main()
