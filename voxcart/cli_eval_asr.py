"""``voxcart eval asr``."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.tenants import DEFAULT_TENANT


def evaluate_asr(
    manifest: Annotated[Path, typer.Option(help="TSV: file, transcript, lang (zh, en, mixed)[, tag].")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Error rates of the recogniser with the demo catalogue, raw and corrected, with RTF and latency."""
    from rich.console import Console
    from rich.progress import Progress

    from voxcart.evaluation import asr
    from voxcart.telemetry.logs import configure_logging
    from voxcart_services.asr.config import AsrSettings
    from voxcart_services.asr.engine import load_models, make_recognizer
    from voxcart_services.asr.text.correction import Corrector
    from voxcart_services.shop.catalogue_file import read_catalogue
    from voxcart_services.shop.products import taxonomy

    configure_logging("eval", "WARNING")

    async def run() -> dict:
        recordings = asr.read_manifest(manifest)
        settings = AsrSettings()
        corrector = Corrector()
        for row in read_catalogue():
            kind = taxonomy().kinds[row.product["kind"]].zh
            names = [row.product["name_zh"], row.product["brand_zh"], kind, *row.product["aliases"]]
            corrector.set_product(DEFAULT_TENANT, row.product["sku"], names)
        recognizer = make_recognizer(load_models(settings), corrector, settings.rules())
        try:
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("recognising", total=len(recordings))
                return await asr.evaluate(recognizer, recordings, lambda: bar.advance(task))
        finally:
            await recognizer.aclose()

    try:
        result = asyncio.run(run())
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for line in result["lines"]:
        print(f"{line['file']}\t{line['reference']}\t{line['raw']}\t{line['corrected']}")
    print(json.dumps({key: value for key, value in result.items() if key != "lines"}, ensure_ascii=False, indent=1))
