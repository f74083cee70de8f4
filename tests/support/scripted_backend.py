"""The services behind the gateway, scripted: hears audio, typed text and control, answers on the bus."""

from dataclasses import dataclass, field

import numpy as np

from voxcart.bus import REPLIES, SPEECH, TRANSCRIPTS, UNDERSTANDING, Bus, Message, Topic, make_envelope
from voxcart_api.bus.v1.bus_pb2 import TRANSCRIPT_SOURCE_TYPED, Envelope, Reply, SpeechChunk, Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext, Understanding


@dataclass
class Script:
    """What the services behind the gateway do.

    Attributes:
        answers: Whether the dialogue answers at all.
        speech_chunks: Chunks of each reply's speech, 100 ms each; 0 for no speech.
        copies: How often each event is published.
        unordered: Speech is published before the reply, and the reply before the transcript.
    """

    answers: bool = True
    speech_chunks: int = 3
    copies: int = 1
    unordered: bool = False


@dataclass
class Backend:
    """asr, nlu, dialogue and tts in one: hears the bus and answers by its script."""

    bus: Bus
    script: Script = field(default_factory=Script)
    audio: list[Message] = field(default_factory=list)
    control: list[Message] = field(default_factory=list)
    typed: list[Message] = field(default_factory=list)
    spoken: dict[str, int] = field(default_factory=dict)
    open_utterances: dict[str, int] = field(default_factory=dict)
    silent_chunks: dict[str, int] = field(default_factory=dict)

    async def hear(self, message: Message) -> None:
        """Takes one message of audio, control or transcripts."""
        envelope = message.envelope
        match message.payload_name:
            case "audio":
                self.audio.append(message)
                await self._recognise(envelope)
            case "transcript" if envelope.transcript.source == TRANSCRIPT_SOURCE_TYPED:
                self.typed.append(message)
                await self.answer(envelope.session, envelope.transcript.utterance_id, envelope.transcript.text)
            case "interrupt" | "session_started" | "session_ended" | "playback":
                self.control.append(message)

    def control_events(self, kind: str) -> list[Envelope]:
        """Control events of one kind that came so far."""
        return [message.envelope for message in self.control if message.payload_name == kind]

    async def say(self, topic: Topic, session: SessionContext, payload: object, event_id: str) -> None:
        """Publishes an event, as often as the script says."""
        for _ in range(self.script.copies):
            await self.bus.publish(topic, session.session_id, make_envelope(session, payload, event_id=event_id))

    async def answer(self, session: SessionContext, utterance_id: str, text: str) -> None:
        """What nlu, dialogue and tts do with a final transcript."""
        if not self.script.answers:
            return
        understood = Understanding(utterance_id=utterance_id, text=text, intent="search_product")
        reply = Reply(utterance_id=utterance_id, text=f"你说的是{text}", is_last=True, understanding=understood)
        steps = [
            (UNDERSTANDING, understood, f"{utterance_id}/understanding"),
            (REPLIES, reply, f"{utterance_id}/reply/0"),
        ]
        chunks = self.script.speech_chunks
        steps += [
            (SPEECH, speech_chunk(utterance_id, index, is_last=index == chunks - 1), f"{utterance_id}/speech/0/{index}")
            for index in range(chunks)
        ]
        if self.script.unordered:
            steps = steps[2:] + steps[1:2] + steps[:1]
        for topic, payload, event_id in steps:
            await self.say(topic, session, payload, event_id)

    async def transcribe(self, session: SessionContext, kind: int, number: int, **fields: object) -> str:
        """Publishes one step of recognising utterance ``number``."""
        utterance_id = f"{session.session_id}/{number}"
        transcript = Transcript(utterance_id=utterance_id, kind=kind, **fields)
        await self.say(TRANSCRIPTS, session, transcript, f"{utterance_id}/{Transcript.Kind.Name(kind)}")
        return utterance_id

    async def _recognise(self, envelope: Envelope) -> None:
        session, chunk = envelope.session, envelope.audio
        session_id = session.session_id
        loud = bool(np.abs(np.frombuffer(chunk.pcm_s16le, "<i2")).max(initial=0) > 1000)
        number = self.spoken.get(session_id, 0)
        if loud:
            self.silent_chunks[session_id] = 0
            if session_id not in self.open_utterances:
                await self.transcribe(
                    session, Transcript.KIND_SPEECH_STARTED, number, speech_start_sample=chunk.first_sample
                )
            self.open_utterances[session_id] = chunk.first_sample + len(chunk.pcm_s16le) // 2
            return
        self.silent_chunks[session_id] = self.silent_chunks.get(session_id, 0) + 1
        if session_id in self.open_utterances and (chunk.end_of_input or self.silent_chunks[session_id] >= 4):
            end = self.open_utterances.pop(session_id)
            self.spoken[session_id] = number + 1
            stop, final = Transcript.KIND_SPEECH_STOPPED, Transcript.KIND_FINAL
            await self.transcribe(session, stop, number, speech_end_sample=end)
            utterance_id = await self.transcribe(
                session, final, number, text="我想买苹果", raw_text="我想买平果", speech_end_sample=end
            )
            await self.answer(session, utterance_id, "我想买苹果")


def speech_chunk(utterance_id: str, index: int, *, is_last: bool = False) -> SpeechChunk:
    """100 ms of a tone at 24 kHz."""
    tone = (np.sin(np.arange(2400) * 0.1) * 8000).astype("<i2").tobytes()
    return SpeechChunk(utterance_id=utterance_id, chunk=index, pcm_s16le=tone, sample_rate_hz=24_000, is_last=is_last)


def utterance_pcm(sample_rate_hz: int = 16_000) -> list[bytes]:
    """Half a second of tone and half a second of silence, mono PCM, in pieces of 20 ms."""
    half = sample_rate_hz // 2
    tone = (np.sin(np.arange(half) * 2 * np.pi * 300 / sample_rate_hz) * 9000).astype("<i2")
    pcm = np.concatenate([tone, np.zeros(half, "<i2")]).tobytes()
    piece = sample_rate_hz // 50 * 2
    return [pcm[start : start + piece] for start in range(0, len(pcm), piece)]
