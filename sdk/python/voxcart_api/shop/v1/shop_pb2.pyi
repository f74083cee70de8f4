import datetime

from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from voxcart_api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SortBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SORT_BY_UNSPECIFIED: _ClassVar[SortBy]
    SORT_BY_PRICE_ASC: _ClassVar[SortBy]
    SORT_BY_PRICE_DESC: _ClassVar[SortBy]
    SORT_BY_SALES_DESC: _ClassVar[SortBy]
    SORT_BY_RATING_DESC: _ClassVar[SortBy]
    SORT_BY_NEWEST: _ClassVar[SortBy]

class SearchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_MODE_UNSPECIFIED: _ClassVar[SearchMode]
    SEARCH_MODE_WORDS: _ClassVar[SearchMode]
    SEARCH_MODE_MEANING: _ClassVar[SearchMode]

class ReportBucket(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORT_BUCKET_UNSPECIFIED: _ClassVar[ReportBucket]
    REPORT_BUCKET_DAY: _ClassVar[ReportBucket]
    REPORT_BUCKET_WEEK: _ClassVar[ReportBucket]
    REPORT_BUCKET_MONTH: _ClassVar[ReportBucket]

class ChartKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHART_KIND_UNSPECIFIED: _ClassVar[ChartKind]
    CHART_KIND_TREND: _ClassVar[ChartKind]
    CHART_KIND_BEST_SELLERS: _ClassVar[ChartKind]
    CHART_KIND_WORST_SELLERS: _ClassVar[ChartKind]
    CHART_KIND_CATEGORIES: _ClassVar[ChartKind]
SORT_BY_UNSPECIFIED: SortBy
SORT_BY_PRICE_ASC: SortBy
SORT_BY_PRICE_DESC: SortBy
SORT_BY_SALES_DESC: SortBy
SORT_BY_RATING_DESC: SortBy
SORT_BY_NEWEST: SortBy
SEARCH_MODE_UNSPECIFIED: SearchMode
SEARCH_MODE_WORDS: SearchMode
SEARCH_MODE_MEANING: SearchMode
REPORT_BUCKET_UNSPECIFIED: ReportBucket
REPORT_BUCKET_DAY: ReportBucket
REPORT_BUCKET_WEEK: ReportBucket
REPORT_BUCKET_MONTH: ReportBucket
CHART_KIND_UNSPECIFIED: ChartKind
CHART_KIND_TREND: ChartKind
CHART_KIND_BEST_SELLERS: ChartKind
CHART_KIND_WORST_SELLERS: ChartKind
CHART_KIND_CATEGORIES: ChartKind

class Actor(_message.Message):
    __slots__ = ("tenant", "user_id", "role")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    user_id: str
    role: _common_pb2.Role
    def __init__(self, tenant: _Optional[str] = ..., user_id: _Optional[str] = ..., role: _Optional[_Union[_common_pb2.Role, str]] = ...) -> None: ...

class Variant(_message.Message):
    __slots__ = ("variant_id", "color", "color_code", "size", "stock")
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    COLOR_CODE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    variant_id: str
    color: str
    color_code: str
    size: str
    stock: int
    def __init__(self, variant_id: _Optional[str] = ..., color: _Optional[str] = ..., color_code: _Optional[str] = ..., size: _Optional[str] = ..., stock: _Optional[int] = ...) -> None: ...

class Product(_message.Message):
    __slots__ = ("sku", "name_zh", "name_en", "brand", "category", "category_en", "price", "unit", "stock", "rating", "units_sold", "variants", "attributes", "aliases", "description", "delisted", "brand_en", "unit_en", "description_en", "attributes_en", "kind", "kind_en", "measure_word", "department", "department_en")
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_EN_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    UNITS_SOLD_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DELISTED_FIELD_NUMBER: _ClassVar[int]
    BRAND_EN_FIELD_NUMBER: _ClassVar[int]
    UNIT_EN_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_EN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_EN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_EN_FIELD_NUMBER: _ClassVar[int]
    MEASURE_WORD_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_EN_FIELD_NUMBER: _ClassVar[int]
    sku: str
    name_zh: str
    name_en: str
    brand: str
    category: str
    category_en: str
    price: _common_pb2.Money
    unit: str
    stock: int
    rating: float
    units_sold: int
    variants: _containers.RepeatedCompositeFieldContainer[Variant]
    attributes: _struct_pb2.Struct
    aliases: _containers.RepeatedScalarFieldContainer[str]
    description: str
    delisted: bool
    brand_en: str
    unit_en: str
    description_en: str
    attributes_en: _struct_pb2.Struct
    kind: str
    kind_en: str
    measure_word: str
    department: str
    department_en: str
    def __init__(self, sku: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., brand: _Optional[str] = ..., category: _Optional[str] = ..., category_en: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., unit: _Optional[str] = ..., stock: _Optional[int] = ..., rating: _Optional[float] = ..., units_sold: _Optional[int] = ..., variants: _Optional[_Iterable[_Union[Variant, _Mapping]]] = ..., attributes: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., aliases: _Optional[_Iterable[str]] = ..., description: _Optional[str] = ..., delisted: _Optional[bool] = ..., brand_en: _Optional[str] = ..., unit_en: _Optional[str] = ..., description_en: _Optional[str] = ..., attributes_en: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., kind: _Optional[str] = ..., kind_en: _Optional[str] = ..., measure_word: _Optional[str] = ..., department: _Optional[str] = ..., department_en: _Optional[str] = ...) -> None: ...

class SearchProductsRequest(_message.Message):
    __slots__ = ("actor", "query", "price_min_cents", "price_max_cents", "brands", "categories", "colors", "sizes", "attributes", "excluded_brands", "excluded_colors", "in_stock_only", "sort_by", "page_size", "page_token", "facets", "explain", "mode", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PRICE_MIN_CENTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_MAX_CENTS_FIELD_NUMBER: _ClassVar[int]
    BRANDS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    COLORS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_BRANDS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_COLORS_FIELD_NUMBER: _ClassVar[int]
    IN_STOCK_ONLY_FIELD_NUMBER: _ClassVar[int]
    SORT_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FACETS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    query: str
    price_min_cents: int
    price_max_cents: int
    brands: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    colors: _containers.RepeatedScalarFieldContainer[str]
    sizes: _containers.RepeatedScalarFieldContainer[str]
    attributes: _containers.RepeatedScalarFieldContainer[str]
    excluded_brands: _containers.RepeatedScalarFieldContainer[str]
    excluded_colors: _containers.RepeatedScalarFieldContainer[str]
    in_stock_only: bool
    sort_by: SortBy
    page_size: int
    page_token: str
    facets: _containers.RepeatedScalarFieldContainer[str]
    explain: bool
    mode: SearchMode
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., query: _Optional[str] = ..., price_min_cents: _Optional[int] = ..., price_max_cents: _Optional[int] = ..., brands: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., colors: _Optional[_Iterable[str]] = ..., sizes: _Optional[_Iterable[str]] = ..., attributes: _Optional[_Iterable[str]] = ..., excluded_brands: _Optional[_Iterable[str]] = ..., excluded_colors: _Optional[_Iterable[str]] = ..., in_stock_only: _Optional[bool] = ..., sort_by: _Optional[_Union[SortBy, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., facets: _Optional[_Iterable[str]] = ..., explain: _Optional[bool] = ..., mode: _Optional[_Union[SearchMode, str]] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class SearchProductsResponse(_message.Message):
    __slots__ = ("hits", "next_page_token", "total", "facets", "explanation")
    HITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    FACETS_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[SearchHit]
    next_page_token: str
    total: int
    facets: _containers.RepeatedCompositeFieldContainer[Facet]
    explanation: SearchExplanation
    def __init__(self, hits: _Optional[_Iterable[_Union[SearchHit, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ..., facets: _Optional[_Iterable[_Union[Facet, _Mapping]]] = ..., explanation: _Optional[_Union[SearchExplanation, _Mapping]] = ...) -> None: ...

class Facet(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedCompositeFieldContainer[FacetValue]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[_Union[FacetValue, _Mapping]]] = ...) -> None: ...

class FacetValue(_message.Message):
    __slots__ = ("value", "label_en", "count", "price_min_cents", "price_max_cents")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LABEL_EN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PRICE_MIN_CENTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_MAX_CENTS_FIELD_NUMBER: _ClassVar[int]
    value: str
    label_en: str
    count: int
    price_min_cents: int
    price_max_cents: int
    def __init__(self, value: _Optional[str] = ..., label_en: _Optional[str] = ..., count: _Optional[int] = ..., price_min_cents: _Optional[int] = ..., price_max_cents: _Optional[int] = ...) -> None: ...

class SearchExplanation(_message.Message):
    __slots__ = ("route", "text", "named", "residual", "terms")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    route: str
    text: str
    named: _containers.RepeatedScalarFieldContainer[str]
    residual: _containers.RepeatedScalarFieldContainer[str]
    terms: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, route: _Optional[str] = ..., text: _Optional[str] = ..., named: _Optional[_Iterable[str]] = ..., residual: _Optional[_Iterable[str]] = ..., terms: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchHit(_message.Message):
    __slots__ = ("product", "score", "name_match", "word_coverage", "similarity")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    NAME_MATCH_FIELD_NUMBER: _ClassVar[int]
    WORD_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    product: Product
    score: float
    name_match: bool
    word_coverage: float
    similarity: float
    def __init__(self, product: _Optional[_Union[Product, _Mapping]] = ..., score: _Optional[float] = ..., name_match: _Optional[bool] = ..., word_coverage: _Optional[float] = ..., similarity: _Optional[float] = ...) -> None: ...

class GetProductRequest(_message.Message):
    __slots__ = ("actor", "sku", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    sku: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., sku: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class SearchFaqRequest(_message.Message):
    __slots__ = ("actor", "query", "language")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    query: str
    language: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., query: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class FaqHit(_message.Message):
    __slots__ = ("id", "title", "answer", "score")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: str
    answer: str
    score: float
    def __init__(self, id: _Optional[str] = ..., title: _Optional[str] = ..., answer: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class SearchFaqResponse(_message.Message):
    __slots__ = ("hits",)
    HITS_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[FaqHit]
    def __init__(self, hits: _Optional[_Iterable[_Union[FaqHit, _Mapping]]] = ...) -> None: ...

class CartLine(_message.Message):
    __slots__ = ("line_id", "product", "variant_id", "quantity", "unit_price", "total", "color", "size")
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    line_id: str
    product: Product
    variant_id: str
    quantity: int
    unit_price: _common_pb2.Money
    total: _common_pb2.Money
    color: str
    size: str
    def __init__(self, line_id: _Optional[str] = ..., product: _Optional[_Union[Product, _Mapping]] = ..., variant_id: _Optional[str] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., color: _Optional[str] = ..., size: _Optional[str] = ...) -> None: ...

class Cart(_message.Message):
    __slots__ = ("lines", "total", "replayed")
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[CartLine]
    total: _common_pb2.Money
    replayed: bool
    def __init__(self, lines: _Optional[_Iterable[_Union[CartLine, _Mapping]]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class GetCartRequest(_message.Message):
    __slots__ = ("actor",)
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class AddToCartRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "sku", "variant_id", "quantity")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    sku: str
    variant_id: str
    quantity: int
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., sku: _Optional[str] = ..., variant_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class UpdateCartLineRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "line_id", "quantity")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    line_id: str
    quantity: int
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., line_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class ClearCartRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class Address(_message.Message):
    __slots__ = ("address_id", "label", "recipient", "phone", "text", "is_default")
    ADDRESS_ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    address_id: str
    label: str
    recipient: str
    phone: str
    text: str
    is_default: bool
    def __init__(self, address_id: _Optional[str] = ..., label: _Optional[str] = ..., recipient: _Optional[str] = ..., phone: _Optional[str] = ..., text: _Optional[str] = ..., is_default: _Optional[bool] = ...) -> None: ...

class CheckoutRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "address_id", "expected_total_cents", "coupon_code", "quote_id")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TOTAL_CENTS_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_ID_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    address_id: str
    expected_total_cents: int
    coupon_code: str
    quote_id: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., address_id: _Optional[str] = ..., expected_total_cents: _Optional[int] = ..., coupon_code: _Optional[str] = ..., quote_id: _Optional[str] = ...) -> None: ...

class GetQuoteRequest(_message.Message):
    __slots__ = ("actor", "coupon_code")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODE_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    coupon_code: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., coupon_code: _Optional[str] = ...) -> None: ...

class QuoteLine(_message.Message):
    __slots__ = ("sku", "variant_id", "name_zh", "name_en", "quantity", "unit_price", "discount")
    SKU_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    variant_id: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price: _common_pb2.Money
    discount: _common_pb2.Money
    def __init__(self, sku: _Optional[str] = ..., variant_id: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("quote_id", "lines", "subtotal", "discount", "total", "coupon_code", "expires_at")
    QUOTE_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    SUBTOTAL_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    quote_id: str
    lines: _containers.RepeatedCompositeFieldContainer[QuoteLine]
    subtotal: _common_pb2.Money
    discount: _common_pb2.Money
    total: _common_pb2.Money
    coupon_code: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, quote_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[QuoteLine, _Mapping]]] = ..., subtotal: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., discount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., coupon_code: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Coupon(_message.Message):
    __slots__ = ("code", "title", "percent_off", "cents_off", "threshold_cents", "max_discount_cents", "per_user_limit", "total_limit", "starts_at", "expires_at", "used")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PERCENT_OFF_FIELD_NUMBER: _ClassVar[int]
    CENTS_OFF_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_CENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_DISCOUNT_CENTS_FIELD_NUMBER: _ClassVar[int]
    PER_USER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    code: str
    title: str
    percent_off: int
    cents_off: int
    threshold_cents: int
    max_discount_cents: int
    per_user_limit: int
    total_limit: int
    starts_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    used: int
    def __init__(self, code: _Optional[str] = ..., title: _Optional[str] = ..., percent_off: _Optional[int] = ..., cents_off: _Optional[int] = ..., threshold_cents: _Optional[int] = ..., max_discount_cents: _Optional[int] = ..., per_user_limit: _Optional[int] = ..., total_limit: _Optional[int] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., used: _Optional[int] = ...) -> None: ...

class AddCouponRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "coupon")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    COUPON_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    coupon: Coupon
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., coupon: _Optional[_Union[Coupon, _Mapping]] = ...) -> None: ...

class ListCouponsRequest(_message.Message):
    __slots__ = ("actor", "page_size", "page_token")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    page_size: int
    page_token: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCouponsResponse(_message.Message):
    __slots__ = ("coupons", "next_page_token", "total")
    COUPONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    coupons: _containers.RepeatedCompositeFieldContainer[Coupon]
    next_page_token: str
    total: int
    def __init__(self, coupons: _Optional[_Iterable[_Union[Coupon, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class PayRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id", "method", "payment_token")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    method: str
    payment_token: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., method: _Optional[str] = ..., payment_token: _Optional[str] = ...) -> None: ...

class OrderLine(_message.Message):
    __slots__ = ("sku", "variant_id", "name_zh", "name_en", "quantity", "unit_price", "color", "size", "line_no", "discount", "refunded_quantity")
    SKU_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LINE_NO_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    sku: str
    variant_id: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price: _common_pb2.Money
    color: str
    size: str
    line_no: int
    discount: _common_pb2.Money
    refunded_quantity: int
    def __init__(self, sku: _Optional[str] = ..., variant_id: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., quantity: _Optional[int] = ..., unit_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., color: _Optional[str] = ..., size: _Optional[str] = ..., line_no: _Optional[int] = ..., discount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., refunded_quantity: _Optional[int] = ...) -> None: ...

class Shipment(_message.Message):
    __slots__ = ("carrier", "tracking_no", "shipped_at", "expected_at", "last_event", "status", "delivered_at")
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NO_FIELD_NUMBER: _ClassVar[int]
    SHIPPED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_AT_FIELD_NUMBER: _ClassVar[int]
    carrier: str
    tracking_no: str
    shipped_at: _timestamp_pb2.Timestamp
    expected_at: _timestamp_pb2.Timestamp
    last_event: str
    status: str
    delivered_at: _timestamp_pb2.Timestamp
    def __init__(self, carrier: _Optional[str] = ..., tracking_no: _Optional[str] = ..., shipped_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_event: _Optional[str] = ..., status: _Optional[str] = ..., delivered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecordCarrierEventRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id", "tracking_no", "status", "description", "at")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NO_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    tracking_no: str
    status: str
    description: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., tracking_no: _Optional[str] = ..., status: _Optional[str] = ..., description: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Return(_message.Message):
    __slots__ = ("return_id", "order_id", "refund_id", "status", "carrier", "tracking_no", "created_at", "replayed")
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NO_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    return_id: str
    order_id: str
    refund_id: str
    status: str
    carrier: str
    tracking_no: str
    created_at: _timestamp_pb2.Timestamp
    replayed: bool
    def __init__(self, return_id: _Optional[str] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., status: _Optional[str] = ..., carrier: _Optional[str] = ..., tracking_no: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class SendReturnRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "return_id", "carrier", "tracking_no")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NO_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    return_id: str
    carrier: str
    tracking_no: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., return_id: _Optional[str] = ..., carrier: _Optional[str] = ..., tracking_no: _Optional[str] = ...) -> None: ...

class ReceiveReturnRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "return_id", "restock")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    RESTOCK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    return_id: str
    restock: bool
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., return_id: _Optional[str] = ..., restock: _Optional[bool] = ...) -> None: ...

class Payment(_message.Message):
    __slots__ = ("status", "method", "captured", "refunded", "decline_reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    DECLINE_REASON_FIELD_NUMBER: _ClassVar[int]
    status: str
    method: str
    captured: _common_pb2.Money
    refunded: _common_pb2.Money
    decline_reason: str
    def __init__(self, status: _Optional[str] = ..., method: _Optional[str] = ..., captured: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., refunded: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., decline_reason: _Optional[str] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("order_id", "status", "lines", "total", "created_at", "payment_method", "shipment", "address", "refund", "user_id", "replayed", "discount", "coupon_code", "expires_at", "payment", "refunds", "returns", "cancel_reason")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    SHIPMENT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REFUND_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    COUPON_CODE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REASON_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    status: str
    lines: _containers.RepeatedCompositeFieldContainer[OrderLine]
    total: _common_pb2.Money
    created_at: _timestamp_pb2.Timestamp
    payment_method: str
    shipment: Shipment
    address: Address
    refund: Refund
    user_id: str
    replayed: bool
    discount: _common_pb2.Money
    coupon_code: str
    expires_at: _timestamp_pb2.Timestamp
    payment: Payment
    refunds: _containers.RepeatedCompositeFieldContainer[Refund]
    returns: _containers.RepeatedCompositeFieldContainer[Return]
    cancel_reason: str
    def __init__(self, order_id: _Optional[str] = ..., status: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[OrderLine, _Mapping]]] = ..., total: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., payment_method: _Optional[str] = ..., shipment: _Optional[_Union[Shipment, _Mapping]] = ..., address: _Optional[_Union[Address, _Mapping]] = ..., refund: _Optional[_Union[Refund, _Mapping]] = ..., user_id: _Optional[str] = ..., replayed: _Optional[bool] = ..., discount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., coupon_code: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., payment: _Optional[_Union[Payment, _Mapping]] = ..., refunds: _Optional[_Iterable[_Union[Refund, _Mapping]]] = ..., returns: _Optional[_Iterable[_Union[Return, _Mapping]]] = ..., cancel_reason: _Optional[str] = ...) -> None: ...

class GetOrderRequest(_message.Message):
    __slots__ = ("actor", "order_id", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    order_id: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., order_id: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class ListOrdersRequest(_message.Message):
    __slots__ = ("actor", "statuses", "to", "page_size", "page_token", "product_query", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_QUERY_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    statuses: _containers.RepeatedScalarFieldContainer[str]
    to: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    product_query: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., statuses: _Optional[_Iterable[str]] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., product_query: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., **kwargs) -> None: ...

class ListOrdersResponse(_message.Message):
    __slots__ = ("orders", "next_page_token", "total")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    next_page_token: str
    total: int
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class CancelOrderRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id", "reason")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    reason: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Refund(_message.Message):
    __slots__ = ("refund_id", "order_id", "status", "reason", "amount", "created_at", "decision_reason", "exchange", "lines", "return_id")
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    DECISION_REASON_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    RETURN_ID_FIELD_NUMBER: _ClassVar[int]
    refund_id: str
    order_id: str
    status: str
    reason: str
    amount: _common_pb2.Money
    created_at: _timestamp_pb2.Timestamp
    decision_reason: str
    exchange: bool
    lines: _containers.RepeatedCompositeFieldContainer[RefundLine]
    return_id: str
    def __init__(self, refund_id: _Optional[str] = ..., order_id: _Optional[str] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision_reason: _Optional[str] = ..., exchange: _Optional[bool] = ..., lines: _Optional[_Iterable[_Union[RefundLine, _Mapping]]] = ..., return_id: _Optional[str] = ...) -> None: ...

class RefundLine(_message.Message):
    __slots__ = ("line_no", "quantity", "amount")
    LINE_NO_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    line_no: int
    quantity: int
    amount: _common_pb2.Money
    def __init__(self, line_no: _Optional[int] = ..., quantity: _Optional[int] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class RequestRefundRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id", "reason", "exchange", "lines", "amount_cents", "send_back")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_CENTS_FIELD_NUMBER: _ClassVar[int]
    SEND_BACK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    reason: str
    exchange: bool
    lines: _containers.RepeatedCompositeFieldContainer[RefundLine]
    amount_cents: int
    send_back: bool
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., reason: _Optional[str] = ..., exchange: _Optional[bool] = ..., lines: _Optional[_Iterable[_Union[RefundLine, _Mapping]]] = ..., amount_cents: _Optional[int] = ..., send_back: _Optional[bool] = ...) -> None: ...

class ChangeAddressRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "address", "order_id")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    address: str
    order_id: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., address: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class ListAddressesRequest(_message.Message):
    __slots__ = ("actor",)
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class ListAddressesResponse(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedCompositeFieldContainer[Address]
    def __init__(self, addresses: _Optional[_Iterable[_Union[Address, _Mapping]]] = ...) -> None: ...

class AddProductRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "name", "price_cents", "stock", "category", "brand", "unit")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRICE_CENTS_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    name: str
    price_cents: int
    stock: int
    category: str
    brand: str
    unit: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., name: _Optional[str] = ..., price_cents: _Optional[int] = ..., stock: _Optional[int] = ..., category: _Optional[str] = ..., brand: _Optional[str] = ..., unit: _Optional[str] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("set", "add", "subtract", "percent")
    SET_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    SUBTRACT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    set: int
    add: int
    subtract: int
    percent: float
    def __init__(self, set: _Optional[int] = ..., add: _Optional[int] = ..., subtract: _Optional[int] = ..., percent: _Optional[float] = ...) -> None: ...

class UpdateProductRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "sku", "price", "stock", "variant_id", "name_zh", "low_stock_threshold", "price_floor_cents", "update_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    LOW_STOCK_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PRICE_FLOOR_CENTS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    sku: str
    price: Change
    stock: Change
    variant_id: str
    name_zh: str
    low_stock_threshold: int
    price_floor_cents: int
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., sku: _Optional[str] = ..., price: _Optional[_Union[Change, _Mapping]] = ..., stock: _Optional[_Union[Change, _Mapping]] = ..., variant_id: _Optional[str] = ..., name_zh: _Optional[str] = ..., low_stock_threshold: _Optional[int] = ..., price_floor_cents: _Optional[int] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateProductResponse(_message.Message):
    __slots__ = ("product", "price_before_cents", "stock_before", "replayed")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    PRICE_BEFORE_CENTS_FIELD_NUMBER: _ClassVar[int]
    STOCK_BEFORE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    product: Product
    price_before_cents: int
    stock_before: int
    replayed: bool
    def __init__(self, product: _Optional[_Union[Product, _Mapping]] = ..., price_before_cents: _Optional[int] = ..., stock_before: _Optional[int] = ..., replayed: _Optional[bool] = ...) -> None: ...

class DelistProductRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "sku")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    sku: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., sku: _Optional[str] = ...) -> None: ...

class ListLowStockRequest(_message.Message):
    __slots__ = ("actor", "threshold", "page_size", "page_token", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    threshold: int
    page_size: int
    page_token: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., threshold: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class ListLowStockResponse(_message.Message):
    __slots__ = ("products", "total", "next_page_token")
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    products: _containers.RepeatedCompositeFieldContainer[Product]
    total: int
    next_page_token: str
    def __init__(self, products: _Optional[_Iterable[_Union[Product, _Mapping]]] = ..., total: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListShopOrdersRequest(_message.Message):
    __slots__ = ("actor", "statuses", "to", "page_size", "page_token", "read_mask")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    READ_MASK_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    statuses: _containers.RepeatedScalarFieldContainer[str]
    to: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    read_mask: _field_mask_pb2.FieldMask
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., statuses: _Optional[_Iterable[str]] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., read_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., **kwargs) -> None: ...

class ConfirmOrderRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

class ShipOrderRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_id", "carrier", "tracking_no")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    TRACKING_NO_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_id: str
    carrier: str
    tracking_no: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_id: _Optional[str] = ..., carrier: _Optional[str] = ..., tracking_no: _Optional[str] = ...) -> None: ...

class ListRefundsRequest(_message.Message):
    __slots__ = ("actor", "statuses", "page_size", "page_token")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    statuses: _containers.RepeatedScalarFieldContainer[str]
    page_size: int
    page_token: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., statuses: _Optional[_Iterable[str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRefundsResponse(_message.Message):
    __slots__ = ("refunds", "total", "next_page_token")
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    refunds: _containers.RepeatedCompositeFieldContainer[Refund]
    total: int
    next_page_token: str
    def __init__(self, refunds: _Optional[_Iterable[_Union[Refund, _Mapping]]] = ..., total: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ProcessRefundRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "refund_id", "order_id", "approve", "reason", "amount_cents")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_CENTS_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    refund_id: str
    order_id: str
    approve: bool
    reason: str
    amount_cents: int
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., refund_id: _Optional[str] = ..., order_id: _Optional[str] = ..., approve: _Optional[bool] = ..., reason: _Optional[str] = ..., amount_cents: _Optional[int] = ...) -> None: ...

class SalesReportRequest(_message.Message):
    __slots__ = ("actor", "to", "sku", "category", "top", "bucket")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    to: _timestamp_pb2.Timestamp
    sku: str
    category: str
    top: int
    bucket: ReportBucket
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sku: _Optional[str] = ..., category: _Optional[str] = ..., top: _Optional[int] = ..., bucket: _Optional[_Union[ReportBucket, str]] = ..., **kwargs) -> None: ...

class ProductSales(_message.Message):
    __slots__ = ("product", "amount", "units")
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    product: Product
    amount: _common_pb2.Money
    units: int
    def __init__(self, product: _Optional[_Union[Product, _Mapping]] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., units: _Optional[int] = ...) -> None: ...

class CategorySales(_message.Message):
    __slots__ = ("category", "category_en", "amount", "units")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_EN_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    category: str
    category_en: str
    amount: _common_pb2.Money
    units: int
    def __init__(self, category: _Optional[str] = ..., category_en: _Optional[str] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., units: _Optional[int] = ...) -> None: ...

class SalesFigures(_message.Message):
    __slots__ = ("amount", "units", "orders", "rating", "refunded", "refunds")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    amount: _common_pb2.Money
    units: int
    orders: int
    rating: float
    refunded: _common_pb2.Money
    refunds: int
    def __init__(self, amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., units: _Optional[int] = ..., orders: _Optional[int] = ..., rating: _Optional[float] = ..., refunded: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., refunds: _Optional[int] = ...) -> None: ...

class SalesChange(_message.Message):
    __slots__ = ("amount_percent", "units_percent", "orders_percent", "refunded_percent", "rating_difference")
    AMOUNT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    UNITS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    ORDERS_PERCENT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_PERCENT_FIELD_NUMBER: _ClassVar[int]
    RATING_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    amount_percent: float
    units_percent: float
    orders_percent: float
    refunded_percent: float
    rating_difference: float
    def __init__(self, amount_percent: _Optional[float] = ..., units_percent: _Optional[float] = ..., orders_percent: _Optional[float] = ..., refunded_percent: _Optional[float] = ..., rating_difference: _Optional[float] = ...) -> None: ...

class SalesPoint(_message.Message):
    __slots__ = ("to", "amount", "units", "orders")
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    to: _timestamp_pb2.Timestamp
    amount: _common_pb2.Money
    units: int
    orders: int
    def __init__(self, to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., units: _Optional[int] = ..., orders: _Optional[int] = ..., **kwargs) -> None: ...

class SalesReportResponse(_message.Message):
    __slots__ = ("amount", "units", "orders", "rating", "best_sellers", "previous_amount", "figures", "previous", "change", "worst_sellers", "categories", "series", "bucket", "time_zone")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    BEST_SELLERS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    WORST_SELLERS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    amount: _common_pb2.Money
    units: int
    orders: int
    rating: float
    best_sellers: _containers.RepeatedCompositeFieldContainer[ProductSales]
    previous_amount: _common_pb2.Money
    figures: SalesFigures
    previous: SalesFigures
    change: SalesChange
    worst_sellers: _containers.RepeatedCompositeFieldContainer[ProductSales]
    categories: _containers.RepeatedCompositeFieldContainer[CategorySales]
    series: _containers.RepeatedCompositeFieldContainer[SalesPoint]
    bucket: ReportBucket
    time_zone: str
    def __init__(self, amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., units: _Optional[int] = ..., orders: _Optional[int] = ..., rating: _Optional[float] = ..., best_sellers: _Optional[_Iterable[_Union[ProductSales, _Mapping]]] = ..., previous_amount: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., figures: _Optional[_Union[SalesFigures, _Mapping]] = ..., previous: _Optional[_Union[SalesFigures, _Mapping]] = ..., change: _Optional[_Union[SalesChange, _Mapping]] = ..., worst_sellers: _Optional[_Iterable[_Union[ProductSales, _Mapping]]] = ..., categories: _Optional[_Iterable[_Union[CategorySales, _Mapping]]] = ..., series: _Optional[_Iterable[_Union[SalesPoint, _Mapping]]] = ..., bucket: _Optional[_Union[ReportBucket, str]] = ..., time_zone: _Optional[str] = ...) -> None: ...

class ReportChartRequest(_message.Message):
    __slots__ = ("report", "kind", "metric", "media_types", "language", "title", "actor")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPES_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    report: SalesReportRequest
    kind: ChartKind
    metric: str
    media_types: _containers.RepeatedScalarFieldContainer[str]
    language: str
    title: str
    actor: Actor
    def __init__(self, report: _Optional[_Union[SalesReportRequest, _Mapping]] = ..., kind: _Optional[_Union[ChartKind, str]] = ..., metric: _Optional[str] = ..., media_types: _Optional[_Iterable[str]] = ..., language: _Optional[str] = ..., title: _Optional[str] = ..., actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class ReportChartResponse(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[_common_pb2.Image]
    def __init__(self, images: _Optional[_Iterable[_Union[_common_pb2.Image, _Mapping]]] = ...) -> None: ...

class PriceSchedule(_message.Message):
    __slots__ = ("schedule_id", "sku", "name_zh", "name_en", "price", "starts_at", "ends_at", "status", "price_before", "requested_by", "decided_by", "replayed")
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    NAME_ZH_FIELD_NUMBER: _ClassVar[int]
    NAME_EN_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRICE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    schedule_id: str
    sku: str
    name_zh: str
    name_en: str
    price: _common_pb2.Money
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    status: str
    price_before: _common_pb2.Money
    requested_by: str
    decided_by: str
    replayed: bool
    def __init__(self, schedule_id: _Optional[str] = ..., sku: _Optional[str] = ..., name_zh: _Optional[str] = ..., name_en: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[str] = ..., price_before: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., requested_by: _Optional[str] = ..., decided_by: _Optional[str] = ..., replayed: _Optional[bool] = ...) -> None: ...

class SchedulePriceRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "sku", "price_cents", "starts_at", "ends_at", "expected_price_cents")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRICE_CENTS_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_PRICE_CENTS_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    sku: str
    price_cents: int
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    expected_price_cents: int
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., sku: _Optional[str] = ..., price_cents: _Optional[int] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expected_price_cents: _Optional[int] = ...) -> None: ...

class ListPriceSchedulesRequest(_message.Message):
    __slots__ = ("actor", "statuses", "sku", "page_size", "page_token")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    statuses: _containers.RepeatedScalarFieldContainer[str]
    sku: str
    page_size: int
    page_token: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., statuses: _Optional[_Iterable[str]] = ..., sku: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPriceSchedulesResponse(_message.Message):
    __slots__ = ("schedules", "total", "next_page_token")
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[PriceSchedule]
    total: int
    next_page_token: str
    def __init__(self, schedules: _Optional[_Iterable[_Union[PriceSchedule, _Mapping]]] = ..., total: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DecidePriceScheduleRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "schedule_id", "approve")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVE_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    schedule_id: str
    approve: bool
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., schedule_id: _Optional[str] = ..., approve: _Optional[bool] = ...) -> None: ...

class CancelPriceScheduleRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "schedule_id")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    schedule_id: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., schedule_id: _Optional[str] = ...) -> None: ...

class ConfirmOrdersRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_ids")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ShipOrdersRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "order_ids", "carrier")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    carrier: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., order_ids: _Optional[_Iterable[str]] = ..., carrier: _Optional[str] = ...) -> None: ...

class ProcessedOrders(_message.Message):
    __slots__ = ("orders", "refused", "left", "replayed")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    refused: _containers.RepeatedCompositeFieldContainer[RefusedOrder]
    left: int
    replayed: bool
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[RefusedOrder, _Mapping]]] = ..., left: _Optional[int] = ..., replayed: _Optional[bool] = ...) -> None: ...

class RefusedOrder(_message.Message):
    __slots__ = ("order_id", "reason", "message")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    reason: str
    message: str
    def __init__(self, order_id: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ListAuditRequest(_message.Message):
    __slots__ = ("actor", "subject", "operation", "user_id", "to", "page_size", "page_token")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    subject: str
    operation: str
    user_id: str
    to: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., subject: _Optional[str] = ..., operation: _Optional[str] = ..., user_id: _Optional[str] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., **kwargs) -> None: ...

class AuditEntry(_message.Message):
    __slots__ = ("at", "user_id", "role", "operation", "subject", "details")
    AT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    user_id: str
    role: _common_pb2.Role
    operation: str
    subject: str
    details: _struct_pb2.Struct
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., user_id: _Optional[str] = ..., role: _Optional[_Union[_common_pb2.Role, str]] = ..., operation: _Optional[str] = ..., subject: _Optional[str] = ..., details: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ListAuditResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[AuditEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[AuditEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StaffMember(_message.Message):
    __slots__ = ("user_id", "scopes", "unrestricted")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    UNRESTRICTED_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    unrestricted: bool
    def __init__(self, user_id: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., unrestricted: _Optional[bool] = ...) -> None: ...

class SetStaffRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "user_id", "scopes", "unrestricted")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    UNRESTRICTED_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    user_id: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    unrestricted: bool
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., user_id: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., unrestricted: _Optional[bool] = ...) -> None: ...

class ListStaffRequest(_message.Message):
    __slots__ = ("actor",)
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class ListStaffResponse(_message.Message):
    __slots__ = ("staff",)
    STAFF_FIELD_NUMBER: _ClassVar[int]
    staff: _containers.RepeatedCompositeFieldContainer[StaffMember]
    def __init__(self, staff: _Optional[_Iterable[_Union[StaffMember, _Mapping]]] = ...) -> None: ...

class ShopSettings(_message.Message):
    __slots__ = ("time_zone", "low_stock_threshold", "price_limit_percent")
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    LOW_STOCK_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PRICE_LIMIT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    time_zone: str
    low_stock_threshold: int
    price_limit_percent: int
    def __init__(self, time_zone: _Optional[str] = ..., low_stock_threshold: _Optional[int] = ..., price_limit_percent: _Optional[int] = ...) -> None: ...

class GetShopSettingsRequest(_message.Message):
    __slots__ = ("actor",)
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ...) -> None: ...

class UpdateShopSettingsRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "time_zone", "low_stock_threshold", "price_limit_percent")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    LOW_STOCK_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PRICE_LIMIT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    time_zone: str
    low_stock_threshold: int
    price_limit_percent: int
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., time_zone: _Optional[str] = ..., low_stock_threshold: _Optional[int] = ..., price_limit_percent: _Optional[int] = ...) -> None: ...

class AddReviewRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "sku", "stars", "text")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    STARS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    sku: str
    stars: int
    text: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., sku: _Optional[str] = ..., stars: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class ReviewSummaryRequest(_message.Message):
    __slots__ = ("actor", "sku", "max_stars", "to")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    MAX_STARS_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    sku: str
    max_stars: int
    to: _timestamp_pb2.Timestamp
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., sku: _Optional[str] = ..., max_stars: _Optional[int] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., **kwargs) -> None: ...

class Review(_message.Message):
    __slots__ = ("sku", "product_name", "stars", "text", "created_at")
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_NAME_FIELD_NUMBER: _ClassVar[int]
    STARS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    sku: str
    product_name: str
    stars: int
    text: str
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, sku: _Optional[str] = ..., product_name: _Optional[str] = ..., stars: _Optional[int] = ..., text: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReviewSummaryResponse(_message.Message):
    __slots__ = ("count", "mean_stars", "positive_share", "praised", "blamed", "examples", "star_counts", "aspects", "is_few", "read")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_STARS_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_SHARE_FIELD_NUMBER: _ClassVar[int]
    PRAISED_FIELD_NUMBER: _ClassVar[int]
    BLAMED_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    STAR_COUNTS_FIELD_NUMBER: _ClassVar[int]
    ASPECTS_FIELD_NUMBER: _ClassVar[int]
    IS_FEW_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    count: int
    mean_stars: float
    positive_share: float
    praised: _containers.RepeatedScalarFieldContainer[str]
    blamed: _containers.RepeatedScalarFieldContainer[str]
    examples: _containers.RepeatedCompositeFieldContainer[Review]
    star_counts: _containers.RepeatedScalarFieldContainer[int]
    aspects: _containers.RepeatedCompositeFieldContainer[ReviewAspect]
    is_few: bool
    read: int
    def __init__(self, count: _Optional[int] = ..., mean_stars: _Optional[float] = ..., positive_share: _Optional[float] = ..., praised: _Optional[_Iterable[str]] = ..., blamed: _Optional[_Iterable[str]] = ..., examples: _Optional[_Iterable[_Union[Review, _Mapping]]] = ..., star_counts: _Optional[_Iterable[int]] = ..., aspects: _Optional[_Iterable[_Union[ReviewAspect, _Mapping]]] = ..., is_few: _Optional[bool] = ..., read: _Optional[int] = ...) -> None: ...

class ReviewAspect(_message.Message):
    __slots__ = ("phrase_zh", "phrase_en", "is_praise", "count", "quote")
    PHRASE_ZH_FIELD_NUMBER: _ClassVar[int]
    PHRASE_EN_FIELD_NUMBER: _ClassVar[int]
    IS_PRAISE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    phrase_zh: str
    phrase_en: str
    is_praise: bool
    count: int
    quote: str
    def __init__(self, phrase_zh: _Optional[str] = ..., phrase_en: _Optional[str] = ..., is_praise: _Optional[bool] = ..., count: _Optional[int] = ..., quote: _Optional[str] = ...) -> None: ...

class UndoLastRequest(_message.Message):
    __slots__ = ("actor", "idempotency_key", "effect_key")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EFFECT_KEY_FIELD_NUMBER: _ClassVar[int]
    actor: Actor
    idempotency_key: str
    effect_key: str
    def __init__(self, actor: _Optional[_Union[Actor, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., effect_key: _Optional[str] = ...) -> None: ...

class UndoLastResponse(_message.Message):
    __slots__ = ("operation", "effect_key", "cart", "order", "address", "replayed")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    EFFECT_KEY_FIELD_NUMBER: _ClassVar[int]
    CART_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    operation: str
    effect_key: str
    cart: Cart
    order: Order
    address: Address
    replayed: bool
    def __init__(self, operation: _Optional[str] = ..., effect_key: _Optional[str] = ..., cart: _Optional[_Union[Cart, _Mapping]] = ..., order: _Optional[_Union[Order, _Mapping]] = ..., address: _Optional[_Union[Address, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class CreateDemoTenantRequest(_message.Message):
    __slots__ = ("tenant", "now")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    now: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateDemoTenantResponse(_message.Message):
    __slots__ = ("shopper_user_id", "merchant_user_id")
    SHOPPER_USER_ID_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_USER_ID_FIELD_NUMBER: _ClassVar[int]
    shopper_user_id: str
    merchant_user_id: str
    def __init__(self, shopper_user_id: _Optional[str] = ..., merchant_user_id: _Optional[str] = ...) -> None: ...

class DropDemoTenantRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class DropDemoTenantResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
