"""The ``voxcart`` command: puts the sub-commands together. Exit status 0, 1 failed, 2 bad usage.

Every command's module is imported only when it is asked for, so that ``voxcart --help`` and scripts stay quick.
"""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voxcart import __version__

COMMANDS = {
    "models": ("voxcart.cli_models:app", "Pull, list and verify model weights."),
    "up": ("voxcart.cli_up:app", "Start PostgreSQL, Valkey, a broker and all services."),
    "demo": ("voxcart.cli_demo:app", "Play spoken conversations with a demo shop and print what happens."),
    "ask": ("voxcart.cli_ask:ask_app", "One or more turns against a running gateway."),
    "talk": ("voxcart.cli_ask:talk_app", "Talk to a running gateway by microphone and loudspeaker."),
    "catalogue": ("voxcart.cli_catalogue:app", "Import products into a shop."),
    "eval": ("voxcart.cli_eval:app", "Measure quality: asr, nlu, search, dialogue."),
    "data": ("voxcart.cli_data:app", "Make speech to develop and measure with."),
    "bench": ("voxcart.cli_bench:app", "Measure speed: turn, asr."),
}
"""Name to where its Typer app is and one line of help."""


class LazyGroup(TyperGroup):
    """A group that lists its commands from ``COMMANDS`` and imports one only to run it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        listed = typer.Typer()
        listed.command(name=cmd_name, help=COMMANDS[cmd_name][1])(lambda: None)
        return typer.main.get_command(listed)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            return super().resolve_command(ctx, args)
        module, _, attribute = COMMANDS[args[0]][0].partition(":")
        command = typer.main.get_command(getattr(importlib.import_module(module), attribute))
        command.name = args[0]
        return args[0], command, args[1:]


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"voxcart {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Voxcart gives an online shop a voice."""


def main() -> None:
    """Entry point of the ``voxcart`` script."""
    app()
