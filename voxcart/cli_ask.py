"""``voxcart ask`` and ``voxcart talk``: turns against a running gateway, from files, text or the microphone."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from voxcart.errors import InvalidInput
from voxcart.run_file import find_gateway
from voxcart_client import (
    Clip,
    Conversation,
    ConversationConfig,
    Turn,
    VoxcartClient,
    VoxcartClientError,
    read_clip,
    write_wav,
)

PAUSE_BETWEEN_REPLIES_S = 0.3
CONNECT_S = 10.0

ask_app = typer.Typer(add_completion=False)
talk_app = typer.Typer(add_completion=False)

UserOption = Annotated[str, typer.Option("--user", help="Stable id of the person; empty for a guest.")]
RoleOption = Annotated[Literal["shopper", "merchant"], typer.Option("--role", help="Who is talking.")]
LocaleOption = Annotated[str, typer.Option("--locale", help="zh-CN or en-US.")]
AddressOption = Annotated[str | None, typer.Option("--address", help="host:port of the gateway.")]
StateDirOption = Annotated[
    Path | None, typer.Option("--state-dir", help="State directory of the `voxcart up` to talk to.")
]


class TurnsInOrder(TyperCommand):
    """A command that remembers in which order ``--wav`` and ``--text`` were given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and "--help" not in args:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            ctx.meta["turn kinds"] = [option.name for option in order if option.name in ("wav", "text")]
        return super().parse_args(ctx, args)


def in_order(kinds: Sequence[str], wav: Sequence[Path], text: Sequence[str]) -> list[Clip | str]:
    """The turns as they were given: recordings and texts.

    Raises:
        InvalidInput: There is none, or a file is no recording.
    """
    if not kinds:
        raise InvalidInput("give at least one --wav FILE or --text TEXT")
    files, texts = iter(wav), iter(text)
    try:
        return [read_clip(next(files)) if kind == "wav" else next(texts) for kind in kinds]
    except (OSError, ValueError) as error:
        raise InvalidInput(str(error)) from error


@ask_app.command(cls=TurnsInOrder)
def ask(
    ctx: typer.Context,
    wav: Annotated[
        list[Path] | None, typer.Option("--wav", help="A recording (WAV, FLAC) to say; may be repeated.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option("--text", help="A text to type; may be repeated.")] = None,
    session: Annotated[str, typer.Option("--session", help="An earlier session to continue.")] = "",
    user: UserOption = "",
    role: RoleOption = "shopper",
    locale: LocaleOption = "zh-CN",
    tenant: Annotated[str, typer.Option("--tenant", help="Shop; empty for the default.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="WAV file for the spoken replies.")] = None,
    address: AddressOption = None,
    state_dir: StateDirOption = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds that a turn may take.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a turn on standard output.")] = False,
) -> None:
    """One or more turns, in the order given, in one session."""
    try:
        turns = in_order(ctx.meta["turn kinds"], wav or [], text or [])
        config = ConversationConfig(role=role, user_id=user, locale=locale, tenant=tenant, session_id=session)
        gateway = find_gateway(address, state_dir)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    try:
        answered = asyncio.run(_ask(gateway, config, turns, timeout, as_json))
        if out is not None:
            _write_replies(out, answered)
    except (VoxcartClientError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if getattr(error, "code", "") == "INVALID_ARGUMENT" else 1) from error
    if any(turn.error is not None for turn in answered):
        raise typer.Exit(1)


@talk_app.command()
def talk(
    user: UserOption = "",
    role: RoleOption = "shopper",
    locale: LocaleOption = "zh-CN",
    address: AddressOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Talk by microphone and loudspeaker until Ctrl-C. Use headphones, or the shop hears itself."""
    from voxcart.talking import talk_until_stopped

    try:
        gateway = find_gateway(address, state_dir)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    try:
        asyncio.run(talk_until_stopped(gateway, ConversationConfig(role=role, user_id=user, locale=locale)))
    except VoxcartClientError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print(file=sys.stderr)


async def _ask(
    gateway: str, config: ConversationConfig, turns: Sequence[Clip | str], timeout_s: float, as_json: bool
) -> list[Turn]:
    answered = []
    connect_timeout_s = min(CONNECT_S, timeout_s)
    async with (
        VoxcartClient(gateway) as client,
        client.converse(config, connect_timeout_s=connect_timeout_s) as conversation,
    ):
        for said in turns:
            turn = await _one_turn(conversation, said, timeout_s)
            answered.append(turn)
            print(json.dumps(turn_line(turn), ensure_ascii=False) if as_json else describe(turn), flush=True)
            if turn.error is not None:
                print(f"{turn.error.code}: {turn.error.message}", file=sys.stderr)
    return answered


async def _one_turn(conversation: Conversation, said: Clip | str, timeout_s: float) -> Turn:
    if isinstance(said, str):
        return await conversation.ask_text(said, timeout_s=timeout_s)
    return await conversation.ask_audio(said, timeout_s=timeout_s)


def turn_line(turn: Turn) -> dict[str, Any]:
    """A turn as ``--json`` prints it; a failed one says why under ``error``."""
    line = turn.to_json()
    if turn.error is not None:
        line["error"] = {"code": turn.error.code, "message": turn.error.message}
    return line


def describe(turn: Turn) -> str:
    """A turn for people to read."""
    lines = [f"heard     {turn.transcript or '(nothing)'}"]
    if turn.raw_transcript != turn.transcript:
        lines.append(f"          as recognised: {turn.raw_transcript}")
    slots = ", ".join(f"{slot['name']}={slot['value']}" for slot in turn.slots)
    lines.append(f"intent    {turn.intent or '-'}{f' ({slots})' if slots else ''}")
    lines.append(f"reply     {turn.reply or '-'}")
    lines += [f"card      {card.get('name', '')} {card.get('subtitle', '')}".rstrip() for card in turn.cards]
    lines += [f"action    {action.get('name', '')}: {action.get('status', '')}" for action in turn.actions]
    timing = turn.timing
    first_audio_ms = timing.speech_end_to_first_audio_ms or timing.text_to_first_audio_ms
    if first_audio_ms is not None:
        lines.append(f"time      {first_audio_ms:.0f} ms to the first audio")
    return "\n".join([*lines, ""])


def _write_replies(path: Path, turns: Sequence[Turn]) -> None:
    """All replies one after another, with short pauses."""
    if not turns:
        return
    rate_hz = turns[0].audio_sample_rate_hz
    pause = bytes(2 * round(PAUSE_BETWEEN_REPLIES_S * rate_hz))
    write_wav(path, pause.join(turn.audio for turn in turns if turn.audio), rate_hz)
