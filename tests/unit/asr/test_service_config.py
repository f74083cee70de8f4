"""Settings of the service: what fits together, and what they become."""

import pytest
from pydantic import ValidationError

from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.turns.rules import TurnRules

pytestmark = pytest.mark.unit


def test_the_defaults_are_the_recognisers_own() -> None:
    settings = AsrSettings()
    rules = settings.rules()
    assert rules.max_streams == 256
    assert rules.prompt == ""
    assert rules.turns == TurnRules()
    assert settings.llm() is None


def test_a_recording_of_a_minute_fits_into_a_message() -> None:
    assert AsrSettings().max_message_bytes > 60 * 48_000 * 2 * 2


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXCART_ASR_MAX_PAUSE_MS", "950")
    monkeypatch.setenv("VOXCART_ASR_LLM_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("VOXCART_ASR_LLM_MODEL", "small")
    monkeypatch.setenv("VOXCART_ASR_LLM_KEY", "secret")
    settings = AsrSettings()
    assert settings.rules().turns.endpoint.max_pause_ms == 950
    llm = settings.llm()
    assert llm is not None
    assert (llm.model, llm.key, llm.timeout_ms) == ("small", "secret", 800)
    assert "secret" not in settings.model_dump_json()
    assert "secret" not in repr(llm)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"asr_max_pause_ms": 1_300}, "must hold"),
        ({"asr_engine": "kaldi"}, "whisper"),
        ({"asr_endpointer": "rules"}, "asr_engine=transducer"),
        ({"asr_llm_url": "http://127.0.0.1"}, "asr_llm_model"),
        ({"asr_llm_url": "ftp://x", "asr_llm_model": "small"}, "http"),
        ({"asr_max_streams": 0}, "greater than or equal"),
        ({"asr_prompt": "长" * 401}, "400"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        AsrSettings(**values)
