"""Generates the Python code of ``proto/`` into ``sdk/python/voxcart_api`` (``--check`` only compares).

protoc writes imports that follow the proto path (``voxcart.asr.v1``), which is the package of the shared library;
the generated code lives in ``voxcart_api`` instead, so the imports are rewritten after generation.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO_DIR = ROOT / "proto"
TARGET_DIR = ROOT / "sdk" / "python" / "voxcart_api"
INIT_TEXT = '"""Generated from proto/ by tools/generate_protos.py; do not edit."""\n'

_IMPORT = re.compile(r"^(from|import) voxcart\.", re.MULTILINE)


def generate(target: Path) -> None:
    """Writes the package ``voxcart_api`` below ``target``.

    Raises:
        RuntimeError: protoc refused a file.
    """
    protos = sorted(str(path.relative_to(PROTO_DIR)) for path in PROTO_DIR.rglob("*.proto"))
    includes = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as scratch:
        arguments = ["protoc", f"-I{PROTO_DIR}", f"-I{includes}"]
        arguments += [f"--python_out={scratch}", f"--pyi_out={scratch}", f"--grpc_python_out={scratch}", *protos]
        if protoc.main(arguments) != 0:
            raise RuntimeError("protoc failed; its messages are above")
        for source in sorted(Path(scratch, "voxcart").rglob("*.py*")):
            if source.name.endswith("_grpc.py") and "class " not in source.read_text():
                continue
            destination = target / source.relative_to(Path(scratch, "voxcart"))
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_text(_IMPORT.sub(r"\1 voxcart_api.", source.read_text()))
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(INIT_TEXT)


def stale_files() -> list[str]:
    """Names of generated files that differ from what ``proto/`` gives now."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = {str(p.relative_to(scratch)): p.read_bytes() for p in Path(scratch).rglob("*.py*")}
    kept = {
        str(p.relative_to(TARGET_DIR)): p.read_bytes()
        for p in TARGET_DIR.rglob("*.py*")
        if "__pycache__" not in p.parts
    }
    return sorted(name for name in fresh.keys() | kept.keys() if fresh.get(name) != kept.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if the checked-in code is out of date")
    if not parser.parse_args().check:
        generate(TARGET_DIR)
        return 0
    stale = stale_files()
    if stale:
        print("generated code is out of date, run tools/generate_protos.py:", *stale, sep="\n  ", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
