"""Questions about the shop's rules, answered from its own documents."""

from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.skills.coupons import tell_coupons
from voxcart_services.dialogue.turn import Answer, Turn, skill


@skill("ask_faq", side=True)
async def ask_faq(turn: Turn) -> Answer:
    """运费怎么算: the best document's answer with its title as the source; says so when nothing fits.

    有什么优惠券 is answered by the coupons that there are.
    """
    if cues.COUPON.search(turn.text) and (answer := await tell_coupons(turn)) is not None:
        return answer
    hit = await best_document(turn)
    return turn.answer("faq.nothing") if hit is None else document_answer(turn, hit)


def document_answer(turn: Turn, hit: shop_pb2.FaqHit) -> Answer:
    """A document's answer with the document as card."""
    card = common_pb2.Card(kind="faq", id=hit.id, name=hit.title, subtitle=hit.answer)
    return turn.answer("faq.answer", [card], answer=hit.answer.rstrip("。. ") + turn.say("faq.stop"), title=hit.title)


async def best_document(turn: Turn) -> shop_pb2.FaqHit | None:
    """The document that answers the utterance; None if the shop has none that fits."""
    request = shop_pb2.SearchFaqRequest(query=turn.text, language=turn.language)
    response = await turn.shop.read("SearchFaq", request)
    return response.hits[0] if response.hits else None
