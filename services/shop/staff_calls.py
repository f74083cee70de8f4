"""The merchant's calls about the shop itself: who may do what, what was done, and settings."""

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import audit, codec, scopes, shop_settings
from voxcart_services.shop.calls import Calls
from voxcart_services.shop.paging import PageRequest


class StaffCalls(Calls):
    """Calls about staff, audit log and settings."""

    async def list_audit(self, request: pb.ListAuditRequest) -> pb.ListAuditResponse:
        """See the proto."""
        actor, query = codec.to_actor(request.actor), codec.to_audit_query(request)
        page = PageRequest.of(request, (int,))
        return codec.from_audit(*await self._read(actor, lambda c: audit.list_audit(c, actor, query, page)))

    async def set_staff(self, request: pb.SetStaffRequest) -> pb.StaffMember:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        wanted = None if request.unrestricted else list(request.scopes)

        async def work(conn: AsyncConnection) -> pb.StaffMember:
            return codec.from_staff(await scopes.set_staff(conn, actor, request.user_id, wanted))

        return await self._change(request, actor, pb.StaffMember, work)

    async def list_staff(self, request: pb.ListStaffRequest) -> pb.ListStaffResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        members = await self._read(actor, lambda c: scopes.list_staff(c, actor))
        return pb.ListStaffResponse(staff=[codec.from_staff(member) for member in members])

    async def get_shop_settings(self, request: pb.GetShopSettingsRequest) -> pb.ShopSettings:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        return codec.from_settings(await self._read(actor, lambda c: shop_settings.read_settings(c, actor.tenant)))

    async def update_shop_settings(self, request: pb.UpdateShopSettingsRequest) -> pb.ShopSettings:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        names = shop_settings.SettingsChange.__slots__
        change = shop_settings.SettingsChange(
            **{name: getattr(request, name) for name in names if request.HasField(name)}
        )

        async def work(conn: AsyncConnection) -> pb.ShopSettings:
            return codec.from_settings(await shop_settings.update_settings(conn, actor, change))

        return await self._change(request, actor, pb.ShopSettings, work)
