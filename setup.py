"""Maps source folders to import packages; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

PACKAGE_DIRS = {
    "voxcart": "voxcart",
    "voxcart_services": "services",
    "voxcart_api": "sdk/python/voxcart_api",
    "voxcart_client": "sdk/python/voxcart_client",
}

setup(
    package_dir=PACKAGE_DIRS,
    packages=[
        package
        for name, folder in PACKAGE_DIRS.items()
        for package in [name, *(f"{name}.{child}" for child in find_packages(folder))]
    ],
)
