"""What an installation that is not editable holds: every module is in a package, every data file matches a pattern."""

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "voxcart", ROOT / "services", ROOT / "sdk/python/voxcart_api", ROOT / "sdk/python/voxcart_client"]
NOT_SHIPPED = {".md", ".pyc", ".pyi"}


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {module.parent for package in PACKAGES for module in package.rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_data_file_is_shipped() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["*"]
    shipped = {Path(pattern).suffix for pattern in patterns if pattern.startswith("**/")}
    kinds = {file.suffix for package in PACKAGES for file in package.rglob("*") if file.is_file()}
    assert kinds - shipped - NOT_SHIPPED <= {".py", ".typed"}
