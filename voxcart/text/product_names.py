"""What people say of the title of a product: without pack size, without brand, the model alone."""

import re

_PACK_SIZE = re.compile(
    r"[\s(（【]*\d[\d.]*\s*(?:ml|l|g|kg|cm|mm|inch|pcs?|毫升|升|克|千克|公斤|斤|厘米|英寸|寸|片|包|盒|瓶|袋|罐|枚|只|支|条|件|双|卷|抽|个)"
    r"(?:\s*[×x*]\s*\d+\s*\w?)?装?[)）】]*\s*$",
    re.IGNORECASE,
)
_MODEL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*(?:\s+[A-Za-z0-9+.\-]+)*")
_HAN = re.compile(r"[㐀-䶿一-鿿]")


def without_pack_size(name: str) -> str:
    """A name without the pack size at its end: 纯牛奶 250ml×24盒 -> 纯牛奶. A name that is nothing else stays."""
    return _PACK_SIZE.sub("", name).strip() or name.strip()


def spoken_forms(name: str, brand: str = "", kind: str = "") -> list[str]:
    """Ways to say a title, the fullest first.

    华为 Mate 60 手机 of the brand 华为 and the kind 手机 gives itself, Mate 60 手机, Mate 60.

    Args:
        name: The title.
        brand: Left out of the second form if the title begins with it.
        kind: The head noun; what is left when it is taken from the end is a form if it is a model's name.
    """
    whole = without_pack_size(name)
    forms = [whole]
    if brand and whole.lower().startswith(brand.lower()):
        forms.append(whole[len(brand) :].strip())
    if _HAN.search(whole):
        forms += [model.strip() for model in _MODEL.findall(whole) if model.lower() != brand.lower()]
    elif kind and whole.lower().endswith(kind.lower()):
        forms.append(whole[: -len(kind)].strip())
    return [form for form in dict.fromkeys(forms) if form]
