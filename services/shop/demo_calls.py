"""Demonstration tenants: copies of the seeded shop, made and dropped by whoever runs the installation."""

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import codec, tenants
from voxcart_services.shop.adapters.ports import DemoPort
from voxcart_services.shop.calls import Calls
from voxcart_services.shop.tenancy import SYSTEM


class DemoCalls(Calls, DemoPort):
    """The demonstration tenants of the built-in shop."""

    async def create_demo_tenant(self, request: pb.CreateDemoTenantRequest) -> pb.CreateDemoTenantResponse:
        """See the proto."""
        self._need_demo()
        tenant = tenants.checked_tenant(request.tenant)
        now = codec.message_time(request.now) if request.HasField("now") else None
        await self._parts.database.run(SYSTEM, lambda c: tenants.copy_template(c, tenant, now))
        shopper, owner = tenants.demo_users()
        return pb.CreateDemoTenantResponse(shopper_user_id=shopper, merchant_user_id=owner)

    async def drop_demo_tenant(self, request: pb.DropDemoTenantRequest) -> pb.DropDemoTenantResponse:
        """See the proto."""
        self._need_demo()
        tenant = tenants.checked_tenant(request.tenant)
        if tenants.is_protected(tenant):
            raise InvalidInput(f"{tenant!r} is no demonstration tenant")
        if not await self._parts.database.run(SYSTEM, lambda c: tenants.drop_tenant(c, tenant)):
            raise NotFound(f"there is no shop {tenant!r}")
        return pb.DropDemoTenantResponse()

    def _need_demo(self) -> None:
        if not self._parts.demo:
            raise WrongState("demonstration tenants are not allowed here (VOXCART_SHOP_DEMO)")
