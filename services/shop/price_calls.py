"""The merchant's calls for timed prices."""

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import codec, price_schedules
from voxcart_services.shop.calls import Calls
from voxcart_services.shop.paging import PageRequest


class PriceCalls(Calls):
    """Calls that set prices for a while. Each change wakes the clock, which may have a nearer time to wait for."""

    async def schedule_price(self, request: pb.SchedulePriceRequest) -> pb.PriceSchedule:
        """See the proto."""
        actor, new = codec.to_actor(request.actor), codec.to_schedule(request)

        async def work(conn: AsyncConnection) -> pb.PriceSchedule:
            return codec.from_schedule(await price_schedules.schedule_price(conn, actor, new))

        schedule = await self._change(request, actor, pb.PriceSchedule, work)
        self._parts.prices.wake()
        return schedule

    async def list_price_schedules(self, request: pb.ListPriceSchedulesRequest) -> pb.ListPriceSchedulesResponse:
        """See the proto."""
        actor, page = codec.to_actor(request.actor), PageRequest.of(request, (str, str))
        statuses = list(request.statuses)
        shown, total, token = await self._read(
            actor, lambda c: price_schedules.list_schedules(c, actor, statuses, request.sku, page)
        )
        schedules = [codec.from_schedule(schedule) for schedule in shown]
        return pb.ListPriceSchedulesResponse(schedules=schedules, total=total, next_page_token=token)

    async def decide_price_schedule(self, request: pb.DecidePriceScheduleRequest) -> pb.PriceSchedule:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.PriceSchedule:
            decided = await price_schedules.decide_schedule(conn, actor, request.schedule_id, approve=request.approve)
            return codec.from_schedule(decided)

        schedule = await self._change(request, actor, pb.PriceSchedule, work)
        self._parts.prices.wake()
        return schedule

    async def cancel_price_schedule(self, request: pb.CancelPriceScheduleRequest) -> pb.PriceSchedule:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.PriceSchedule:
            return codec.from_schedule(await price_schedules.cancel_schedule(conn, actor, request.schedule_id))

        return await self._change(request, actor, pb.PriceSchedule, work)
