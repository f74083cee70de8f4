"""The merchant's calls for figures: sales reports and their charts."""

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import codec
from voxcart_services.shop.calls import Calls
from voxcart_services.shop.charts import chart_of, checked_query
from voxcart_services.shop.models import Actor
from voxcart_services.shop.reports import ReportQuery, SalesReport, sales_report


class ReportCalls(Calls):
    """Calls that tell what was sold."""

    async def sales_report(self, request: pb.SalesReportRequest) -> pb.SalesReportResponse:
        """See the proto."""
        return codec.from_report(await self._report(codec.to_actor(request.actor), codec.to_report_query(request)))

    async def report_chart(self, request: pb.ReportChartRequest) -> pb.ReportChartResponse:
        """See the proto."""
        actor, query = codec.to_actor(request.actor), checked_query(codec.to_chart_query(request))
        report = await self._report(actor, codec.to_report_query(request.report))
        return codec.from_images(await self._parts.charts.images(chart_of(report, query), query.media_types))

    async def _report(self, actor: Actor, query: ReportQuery) -> SalesReport:
        return await self._read(actor, lambda c: sales_report(c, actor, self._parts.lexicons, query))
