"""A spoken conversation by microphone and loudspeaker, shown on the terminal."""

import asyncio
import sys

from voxcart_client import Conversation, ConversationConfig, VoxcartClient
from voxcart_client.devices import Microphone, Speaker
from voxcart_client.events import Audio, Event, Failure, Reply, SpeechStarted, Transcript

REPORT_S = 0.5


async def talk_until_stopped(gateway: str, config: ConversationConfig) -> None:
    """Sends the microphone, plays the replies, prints both, until cancelled or the session ends.

    Raises:
        VoxcartClientError: No device, no gateway, or the conversation was ended.
    """
    with Speaker(config.output_sample_rate_hz) as speaker:
        async with (
            Microphone(config.input_sample_rate_hz) as microphone,
            VoxcartClient(gateway) as client,
            client.converse(config) as conversation,
        ):
            print(f"session {conversation.session_id}; speak, Ctrl-C ends", file=sys.stderr)
            sending = asyncio.create_task(_send(microphone, conversation), name="microphone")
            screen = Screen(speaker)
            reporting = asyncio.create_task(_report(screen, conversation), name="playback reports")
            try:
                async for event in conversation:
                    screen.show(event)
            finally:
                for task in (sending, reporting):
                    task.cancel()
                await asyncio.gather(sending, reporting, return_exceptions=True)


class Screen:
    """Prints and plays what comes.

    Attributes:
        speaker: Plays the replies.
        playing: Utterance whose reply was played last; empty before the first.
    """

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.playing = ""

    def show(self, event: Event) -> None:
        """Takes one event. Speech of the person silences the loudspeaker."""
        match event:
            case SpeechStarted():
                self.speaker.silence()
            case Transcript() if event.is_final:
                print(f"\r\033[K> {event.text}", flush=True)
            case Transcript():
                print(f"\r\033[K… {event.text}", end="", flush=True)
            case Reply():
                print(f"< {event.text}", flush=True)
            case Audio():
                if event.cancelled:
                    self.speaker.silence()
                elif event.data:
                    self.playing = event.utterance_id
                    self.speaker.play(event.utterance_id, event.data)
            case Failure():
                print(f"! {event.message}", file=sys.stderr, flush=True)


async def _send(microphone: Microphone, conversation: Conversation) -> None:
    async for block in microphone:
        await conversation.send_audio(block)


async def _report(screen: Screen, conversation: Conversation) -> None:
    """Tells the gateway twice a second how much was played."""
    reported = ("", 0)
    while True:
        await asyncio.sleep(REPORT_S)
        played = (screen.playing, screen.speaker.played_ms(screen.playing))
        if played[1] and played != reported:
            await conversation.report_playback(*played)
            reported = played
