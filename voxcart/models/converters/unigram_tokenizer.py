"""Writes a SentencePiece unigram tokenizer as a ``tokenizer.json`` that the ``tokenizers`` package loads.

Its steps are those of SentencePiece: normalise characters, collapse spaces, put U+2581 for a space and before
the text, find the best path over the pieces (T. Kudo, "Subword Regularization", ACL 2018, section 3.1).
"""

import base64
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxcart.models.converters.double_array import build_double_array
from voxcart.unigram_tokenizer import META_SPACE, UnigramModel


def character_map(normalization: Mapping[str, str]) -> bytes:
    """Encode a character table in SentencePiece's precompiled form.

    The form is: u32 size of the trie in bytes, the trie (key: UTF-8 of the character, value: where its
    replacement begins), the replacements, each ended by NUL.
    """
    replacements = bytearray()
    entries: dict[bytes, int] = {}
    starts: dict[str, int] = {}
    for character, replacement in sorted(normalization.items()):
        if replacement not in starts:
            starts[replacement] = len(replacements)
            replacements += replacement.encode() + b"\0"
        entries[character.encode()] = starts[replacement]
    trie = build_double_array(entries).tobytes()
    return struct.pack("<I", len(trie)) + trie + bytes(replacements)


def write_tokenizer(path: Path, model: UnigramModel) -> None:
    """Write ``tokenizer.json``. A text becomes ``<bos> pieces <eos>``.

    Canonical composition (NFC) goes first, since the table knows single characters only and SentencePiece's
    own also composes.
    """
    bos, eos = ((model.pieces[index], index) for index in (model.bos_id, model.eos_id))
    document: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {
                    "type": "Precompiled",
                    "precompiled_charsmap": base64.b64encode(character_map(model.normalization)).decode(),
                },
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": META_SPACE,
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": _template(*bos, *eos),
        "decoder": {"type": "Metaspace", "replacement": META_SPACE, "prepend_scheme": "always", "split": True},
        "model": {
            "type": "Unigram",
            "unk_id": model.unk_id,
            "vocab": [list(entry) for entry in zip(model.pieces, model.scores, strict=True)],
            "byte_fallback": False,
        },
    }
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _template(bos: str, bos_id: int, eos: str, eos_id: int) -> dict[str, Any]:
    def special(token: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    def sequence(name: str) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": 0}}

    return {
        "type": "TemplateProcessing",
        "single": [special(bos), sequence("A"), special(eos)],
        "pair": [special(bos), sequence("A"), special(eos), special(eos), sequence("B"), special(eos)],
        "special_tokens": {
            token: {"id": token, "ids": [index], "tokens": [token]} for token, index in ((bos, bos_id), (eos, eos_id))
        },
    }
