"""Follows the live catalogue for what products say about their own pronunciation."""

from google.protobuf.json_format import MessageToDict

from voxcart.bus.base import Bus
from voxcart.bus.envelope import Message
from voxcart.bus.readers import BroadcastReader
from voxcart.bus.topics import CATALOGUE
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import LEXICON_REFUSALS_TOTAL
from voxcart_services.tts.text.lexicon_store import LexiconStore
from voxcart_services.tts.text.product_pronunciations import product_pronunciations

log = get_logger(__name__)


def catalogue_reader(bus: Bus, lexicons: LexiconStore) -> BroadcastReader:
    """Reads every product from the beginning, then every change, into the shops' lexicons."""

    async def on_change(message: Message) -> None:
        if message.payload_name != "product":
            return
        product = message.envelope.product
        if product.delisted:
            lexicons.set_product(product.tenant, product.sku, [])
            return
        entries, refusals = product_pronunciations(product.brand, MessageToDict(product.attributes))
        if refusals:
            LEXICON_REFUSALS_TOTAL.inc(len(refusals))
            log.warning("a product's pronunciation is not understood", sku=product.sku, reason=refusals[0])
        lexicons.set_product(product.tenant, product.sku, entries)

    return BroadcastReader(bus, [CATALOGUE], on_change)
