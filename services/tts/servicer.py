"""gRPC: ``voxcart.tts.v1.SpeechSynthesis``. Translates requests to the engine's terms and audio back."""

import contextlib
import unicodedata
from collections.abc import AsyncIterator

import grpc

from voxcart.errors import InvalidInput
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc
from voxcart_services.tts.outgoing import OutgoingAudio
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer, checked_speaking_rate
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.text.normalization import language_of
from voxcart_services.tts.text.ssml import SsmlDocument, parse_ssml
from voxcart_services.tts.voices.library import VoiceLibrary

_LANGUAGES = ("", "zh", "en")
_ALLOWED_CONTROLS = "\n\r\t"
_SSML_CHARACTERS_PER_CHARACTER = 4
_LONGEST_LEXICON_NAME = 64


class SpeechSynthesisServicer(tts_pb2_grpc.SpeechSynthesisServicer):
    """Speech synthesis for direct use, beside the bus worker; both call one synthesiser."""

    def __init__(
        self, synthesizer: SpeechSynthesizer, voices: VoiceLibrary, front_end: FrontEnd, max_text_characters: int
    ) -> None:
        """Keep the shared parts.

        Args:
            synthesizer: What speaks.
            voices: For the names in requests.
            front_end: For the shops' lexicons.
            max_text_characters: Longer texts are refused.
        """
        self._synthesizer = synthesizer
        self._voices = voices
        self._front_end = front_end
        self._max_text_characters = max_text_characters

    async def Synthesize(
        self, request: tts_pb2.SynthesizeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.SynthesizeResponse]:
        """Audio of a text or an SSML document, as it is made."""
        outgoing = OutgoingAudio(request.config.encoding, request.config.sample_rate_hz)
        if request.ssml:
            document = self._ssml(request)
            delivery = self._delivery(request.config, document.text, document.language)
            spoken = self._synthesizer.speak_clauses(document.clauses(self._synthesizer.limits), delivery)
        else:
            self._check_text(request.text)
            spoken = self._synthesizer.speak(request.text, self._delivery(request.config, request.text))
        async with contextlib.aclosing(spoken) as chunks:
            async for chunk in chunks:
                for response in outgoing.responses(chunk):
                    yield response

    async def StreamingSynthesize(
        self, request_iterator: AsyncIterator[tts_pb2.StreamingSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.SynthesizeResponse]:
        """Audio of a text that arrives in pieces."""
        requests = aiter(request_iterator)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("request") != "config":
            raise InvalidInput("the first message of a stream must be its config")
        config = first.config
        outgoing = OutgoingAudio(config.encoding, config.sample_rate_hz)
        if config.voice:
            self._voices.get(config.voice)
        pieces = self._pieces(requests)
        opening = await self._opening(pieces)
        delivery = self._delivery(config, opening)
        spoken = self._synthesizer.speak_pieces(_chained(opening, pieces), delivery)
        async with contextlib.aclosing(spoken) as chunks:
            async for chunk in chunks:
                for response in outgoing.responses(chunk):
                    yield response

    async def ListVoices(
        self, request: tts_pb2.ListVoicesRequest, context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        """The voices, all or of one language."""
        return tts_pb2.ListVoicesResponse(
            voices=[
                tts_pb2.Voice(
                    name=voice.name,
                    language=voice.language,
                    gender=voice.gender,
                    is_default=self._voices.is_default(voice),
                    engine=voice.engine.name,
                    sample_rate_hz=voice.engine.sample_rate_hz,
                )
                for voice in self._voices.all(_checked_language(request.language))
            ]
        )

    async def _pieces(self, requests: AsyncIterator[tts_pb2.StreamingSynthesizeRequest]) -> AsyncIterator[str]:
        """The pieces of text of a stream that hold something."""
        total = 0
        async for request in requests:
            if request.WhichOneof("request") != "text":
                raise InvalidInput("config may be sent once only, as the first message")
            total += len(request.text)
            _check_length(total, self._max_text_characters)
            _check_controls(request.text)
            if request.text:
                yield request.text

    async def _opening(self, pieces: AsyncIterator[str]) -> str:
        """The pieces up to the first with something to say, which tells the language."""
        opening = ""
        async for piece in pieces:
            opening += piece
            if self._front_end.has_speech(opening):
                return opening
        raise InvalidInput("the stream ended without any text that can be said")

    def _ssml(self, request: tts_pb2.SynthesizeRequest) -> SsmlDocument:
        if request.text:
            raise InvalidInput("a request has either text or ssml, not both")
        _check_length(len(request.ssml), _SSML_CHARACTERS_PER_CHARACTER * self._max_text_characters, "ssml")
        document = parse_ssml(request.ssml)
        _check_length(len(document.text), self._max_text_characters)
        if not any(passage.marks for passage in document.passages):
            self._check_sayable(document.text, "ssml")
        return document

    def _check_text(self, text: str) -> None:
        if not text.strip():
            raise InvalidInput("text is empty")
        _check_length(len(text), self._max_text_characters)
        _check_controls(text)
        self._check_sayable(text, "text")

    def _check_sayable(self, text: str, name: str) -> None:
        if not self._front_end.has_speech(text):
            raise InvalidInput(f"{name} has nothing that can be said")

    def _delivery(self, config: tts_pb2.SynthesisConfig, text: str, document_language: str = "") -> Delivery:
        language = _checked_language(config.language) or document_language or language_of(text)
        voice = self._voices.get(config.voice) if config.voice else self._voices.default_for(language)
        if language not in voice.languages:
            raise InvalidInput(f"voice {voice.name[:64]!r} speaks {', '.join(voice.languages)}, not {language}")
        if len(config.lexicon) > _LONGEST_LEXICON_NAME:
            raise InvalidInput(f"the name of a lexicon has at most {_LONGEST_LEXICON_NAME} characters")
        return Delivery(
            voice=voice,
            speaking_rate=checked_speaking_rate(config.speaking_rate) if config.HasField("speaking_rate") else 1.0,
            language=language,
            lexicon=self._front_end.lexicon(config.lexicon),
        )


def _check_length(length: int, limit: int, name: str = "text") -> None:
    if length > limit:
        raise InvalidInput(f"{name} has {length} characters or more; the limit is {limit}")


def _check_controls(text: str, name: str = "text") -> None:
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in _ALLOWED_CONTROLS:
            raise InvalidInput(f"{name} has the control character U+{ord(character):04X} at position {position}")


def _checked_language(language: str) -> str:
    if language not in _LANGUAGES:
        raise InvalidInput(f"language must be 'zh', 'en' or empty, not {language[:32]!r}")
    return language


async def _chained(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece
