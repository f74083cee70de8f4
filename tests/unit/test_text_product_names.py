"""Titles of products as people say them."""

import pytest

from voxcart.text.product_names import spoken_forms, without_pack_size

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("纯牛奶 250ml×24盒", "纯牛奶"),
        ("新鲜红富士苹果 3斤装", "新鲜红富士苹果"),
        ("抽纸24包", "抽纸"),
        ("iPhone 15 Pro", "iPhone 15 Pro"),
        ("华为 Mate 60 手机", "华为 Mate 60 手机"),
        ("小米 14", "小米 14"),
        ("补水面膜（10片）", "补水面膜"),
        ("3斤装", "3斤装"),
    ],
)
def test_pack_sizes_are_not_spoken(name: str, spoken: str) -> None:
    assert without_pack_size(name) == spoken


@pytest.mark.parametrize(
    ("name", "brand", "kind", "forms"),
    [
        ("华为 Mate 60 手机", "华为", "手机", ["华为 Mate 60 手机", "Mate 60 手机", "Mate 60"]),
        ("vivo X100 手机", "vivo", "手机", ["vivo X100 手机", "X100 手机", "vivo X100"]),
        ("新鲜红富士苹果 3斤装", "", "苹果", ["新鲜红富士苹果"]),
        ("iPhone 15 Pro", "Apple", "phone", ["iPhone 15 Pro"]),
        (
            "Huawei MatePad 11.5 tablet",
            "Huawei",
            "tablet",
            [
                "Huawei MatePad 11.5 tablet",
                "MatePad 11.5 tablet",
                "Huawei MatePad 11.5",
            ],
        ),
        ("", "", "", []),
    ],
)
def test_forms_go_from_the_whole_title_to_the_model(name: str, brand: str, kind: str, forms: list[str]) -> None:
    assert spoken_forms(name, brand, kind) == forms
