"""`copperline`: one module a group of commands, loaded when it is asked for.

`copperline status` must start at once, so nothing is imported here that one command alone needs.
Every command ends with one of the exit codes below, and says on standard error what to do next.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from gateway import __version__
from gateway.errors import GatewayError, Halt, Problem, Refused, Retry, code

OK, PROBLEMS, USAGE, REFUSED, NOT_REACHED, FATAL, FAULT = range(7)

EXIT_CODES: Mapping[int, str] = {
    OK: "done",
    PROBLEMS: "done, and it found problems (check, test, doctor, contracts check, ledger verify)",
    USAGE: "the command was written in a way that it does not understand",
    REFUSED: "refused, or a system halted: a person must do what is said",
    NOT_REACHED: "something did not answer or is not finished: a broker, a gateway, deliveries in progress",
    FATAL: "the store failed; start the gateway again once the disk is well",
    FAULT: "the command itself failed in a way that nobody foresaw; it says where",
}

COMMANDS: Mapping[str, str] = {
    "init": "start",
    "new": "start",
    "demo": "start",
    "run": "run",
    "status": "status",
    "systems": "systems",
    "adapters": "adapters",
    "wsdl": "wsdl",
    "discover": "discover",
    "draft": "discover",
    "check": "check",
    "preview": "check",
    "test": "check",
    "tail": "tail",
    "quarantine": "quarantine",
    "receipts": "receipts",
    "deliveries": "deliveries",
    "replay": "records",
    "remap": "records",
    "erase": "records",
    "seal": "seal",
    "unseal": "seal",
    "seals": "seal",
    "agreements": "agreements",
    "disclosures": "disclosures",
    "restored": "restored",
    "reconcile": "reconcile",
    "callers": "callers",
    "topology": "topology",
    "contracts": "contracts",
    "mock": "mock",
    "ledger": "ledger",
    "doctor": "doctor",
    "chart": "chart",
    "docs": "docs",
}
"""Command → the module of this package that holds it, in the order of the help."""


FILES = code(
    "command.files",
    "a file or a folder that the command needs cannot be read or written",
    "See that it exists, that there is space, and that you may read and write it; then give the command again.",
)


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gateway.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, message="%(prog)s %(version)s")
def copperline() -> None:
    """Connects police systems that were never meant to be connected."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    try:
        result: Any = copperline.main(arguments, prog_name="copperline", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else OK)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except GatewayError as e:
        sys.exit(_told(e))
    except OSError as e:
        sys.exit(_told(Refused(Problem(FILES, where=str(e.filename or ""), rule=e.strerror or type(e).__name__))))
    except Exception as e:  # noqa: BLE001 - the outermost edge: a message may quote a record, so type and places are told
        place = e.__traceback__
        while place is not None:
            click.echo(f"  {place.tb_frame.f_code.co_filename}:{place.tb_lineno} {place.tb_frame.f_code.co_name}", err=True)
            place = place.tb_next
        click.echo(f"copperline failed with {type(e).__name__}. What to do: report the lines above.", err=True)
        sys.exit(FAULT)


def _told(error: GatewayError) -> int:
    """Tell a person what is wrong, where, and what to do; returns the exit code."""
    match error:
        case Refused(problems=problems):
            told: tuple[Problem, ...] = problems
            exit_code = REFUSED
        case Halt(problem=problem):
            told, exit_code = (problem,), REFUSED
        case Retry(problem=problem):
            told, exit_code = (problem,), NOT_REACHED
        case _:
            click.echo(str(error), err=True)
            return FATAL
    for each in told:
        click.echo(str(each), err=True)
    for remedy in dict.fromkeys(each.code.remedy for each in told):
        click.echo(f"What to do: {remedy}", err=True)
    return exit_code
