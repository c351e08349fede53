"""Every request that can be sent, and its outcome for everyone."""

from tests.support.rest_authorisation import (
    matrix_of_all_prefixes,
    requests_of_all_prefixes,
)

REQUESTS = {
    "query viewer": "query { viewer { email } }",
    "query activeBasket": "query { activeBasket { id } }",
    "query activeBaskets": "query { activeBaskets { id } }",
    "query basket": 'query { basket(id: "DRAFT") { id } }',
    "query basket of main": 'query { basket(id: "DRAFT") { id } }',
    "query node for a basket": 'query { node(id: "DRAFT") { id } }',
    "query node for a basket of main": 'query { node(id: "DRAFT") { id } }',
    "query node for a item": 'query { node(id: "ITEM") { id } }',
    "query node for a item of main": 'query { node(id: "ITEM") { id } }',
    "query node for a part": 'query { node(id: "PART") { id } }',
    "query node for a part of main": 'query { node(id: "PART") { id } }',
    "query node for a product of a segment": 'query { node(id: "PRODUCT") { id } }',
    "query node for a product of a segment of main": 'query { node(id: "PRODUCT") { id } }',
    "query node for a snapshot": 'query { node(id: "SNAPSHOT") { id } }',
    "query node for a snapshot of main": 'query { node(id: "SNAPSHOT") { id } }',
    "query node for a change": 'query { node(id: "CHANGE") { id } }',
    "query node for a change of main": 'query { node(id: "CHANGE") { id } }',
    "query node for a author": 'query { node(id: "AUTHOR") { id } }',
    "query node for a author of main": 'query { node(id: "AUTHOR") { id } }',
    "query node for a quotation": 'query { node(id: "QUOTATION") { id } }',
    "query node for a quotation of main": 'query { node(id: "QUOTATION") { id } }',
    "query node for a export": 'query { node(id: "EXPORT") { id } }',
    "query node for a export of main": 'query { node(id: "EXPORT") { id } }',
    "query node for a viewer": 'query { node(id: "VIEWER") { id } }',
    "query node for a viewer of main": 'query { node(id: "VIEWER") { id } }',
    "query node for ERP01": 'query { node(id: "division_1") { id } }',
    "query node for ERP02": 'query { node(id: "division_2") { id } }',
    "query node for ERP03": 'query { node(id: "division_3") { id } }',
    "query node for ERP04": 'query { node(id: "division_4") { id } }',
    "query node for ERP05": 'query { node(id: "division_5") { id } }',
    "query node for a product": 'query { node(id: "product_1") { id } }',
    "query node for a number": 'query { node(id: "1") { id } }',
    "query node for nothing": 'query { node(id: "") { id } }',
    "query draftBaskets": "query { draftBaskets { totalCount } }",
    "query quotations": "query { quotations { totalCount } }",
    "query divisions": "query { divisions { id } }",
    "query product": "query { product(remoteId: 1) { sku } }",
    "query basketExport": 'query { basketExport(cacheKey: "KEY") { status url } }',
    "query basketExport of main": 'query { basketExport(cacheKey: "KEY") { status url } }',
    "subscription activeBasket": "subscription { activeBasket { id } }",
    "subscription basketChanges": 'subscription { basketChanges(basketId: "DRAFT") { sinceVersion } }',
    "subscription basketChanges of main": 'subscription { basketChanges(basketId: "DRAFT") { sinceVersion } }',
    "subscription basketExport": 'subscription { basketExport(cacheKey: "KEY") { status url } }',
    "subscription basketExport of main": 'subscription { basketExport(cacheKey: "KEY") { status url } }',
    "mutation basketItemsAdd for ERP02": "mutation { basketItemsAdd(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP02"}]}) { userErrors { code } } }',
    "mutation basketItemsAdd for ERP01": "mutation { basketItemsAdd(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP01"}]}) { userErrors { code } } }',
    "mutation basketItemsAdd for ERP03": "mutation { basketItemsAdd(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP03"}]}) { userErrors { code } } }',
    "mutation basketItemsAdd for ERP04": "mutation { basketItemsAdd(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP04"}]}) { userErrors { code } } }',
    "mutation basketItemsSet for ERP02": "mutation { basketItemsSet(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP02", quantity: 9}]}) { userErrors { code } } }',
    "mutation basketItemsSet for ERP01": "mutation { basketItemsSet(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP01", quantity: 9}]}) { userErrors { code } } }',
    "mutation basketItemsSet for ERP04": "mutation { basketItemsSet(input: {items: [{productRemoteId: 1, "
    'divisionErpCode: "ERP04", quantity: 9}]}) { userErrors { code } } }',
    "mutation basketItemUpdate": "mutation { basketItemUpdate(input: {productRemoteId: 1, divisionId: 2, quantity: 3}) "
    "{ userErrors { code } } }",
    "mutation basketItemRemove": "mutation { basketItemRemove(input: {productRemoteId: 1}) { userErrors { code } } }",
    "mutation basketClear": "mutation { basketClear(input: {}) { userErrors { code } } }",
    "mutation basketSave": 'mutation { basketSave(input: {name: "S"}) { userErrors { code } } }',
    "mutation basketLoad": 'mutation { basketLoad(input: {basketId: "DRAFT"}) { userErrors { code } } }',
    "mutation basketLoad of main": 'mutation { basketLoad(input: {basketId: "DRAFT"}) { userErrors { code } } }',
    "mutation basketDelete": 'mutation { basketDelete(input: {basketId: "DRAFT"}) { userErrors { code } } }',
    "mutation basketDelete of main": 'mutation { basketDelete(input: {basketId: "DRAFT"}) { userErrors { code } } }',
    "mutation basketRename": 'mutation { basketRename(input: {basketId: "DRAFT", name: "R"}) { userErrors { code } } }',
    "mutation basketRename of main": 'mutation { basketRename(input: {basketId: "DRAFT", name: "R"}) '
    "{ userErrors { code } } }",
    "mutation basketCopy": 'mutation { basketCopy(input: {basketId: "SUBMITTED"}) { userErrors { code } } }',
    "mutation basketCopy of main": 'mutation { basketCopy(input: {basketId: "SUBMITTED"}) { userErrors { code } } }',
    "mutation basketRefresh": "mutation { basketRefresh(input: {}) { userErrors { code } } }",
    "mutation basketRevert": "mutation { basketRevert(input: {toVersion: 1}) { userErrors { code } } }",
    "mutation basketExport": 'mutation { basketExport(input: {basketId: "SUBMITTED"}) { userErrors { code } } }',
    "mutation basketExport of main": 'mutation { basketExport(input: {basketId: "SUBMITTED"}) '
    "{ userErrors { code } } }",
    "mutation basketImport for ERP02": "mutation ($file: Upload!) { basketImport(input: {file: $file}) "
    "{ userErrors { code } } }",
    "mutation quotationRequest": 'mutation { quotationRequest(input: {name: "Q"}) { userErrors { code } } }',
    "GET /export_file/{name}": "GET /export_file/KEY.csv",
    "GET /export_file/{name} of main": "GET /export_file/KEY.csv",
    "ANY /graphql by GET": "GET /graphql",
    "ANY /graphql by PUT": "PUT /graphql",
    "ANY /graphql by PATCH": "PATCH /graphql",
    "ANY /graphql by DELETE": "DELETE /graphql",
    "ANY /graphql by OPTIONS": "OPTIONS /graphql",
    "MOUNT /graphiql": "GET /graphiql/page.css",
    "GET /": "GET /",
    "GET /healthz": "GET /healthz",
    "GET /metrics": "GET /metrics",
    "GET /readyz": "GET /readyz",
    "GET /api/v1/openapi.json": "GET /api/v1/openapi.json",
} | requests_of_all_prefixes()
"""What is sent for each row; DRAFT, SUBMITTED, KEY and so on stand for the ids of the owner's things."""


NO = "401:UNAUTHENTICATED"


CLOSED = "error:DIVISION_INACTIVE"


SHUT = "rejected:DIVISION_INACTIVE"


FOREIGN = "rejected:DIVISION_NOT_ALLOWED"


UNKNOWN = "rejected:BASKET_NOT_FOUND"


NO_FILE = "404:NOT_FOUND"


NOT_HERE = "405:METHOD_NOT_ALLOWED"


# A subscription that is rejected has one event, for clients that accept nothing but events.
NOT_BEGUN, NO_BASKET = "error:DIVISION_INACTIVE", "error:BASKET_NOT_FOUND"
NO_EXPORT = "error:INVALID_INPUT"
MATRIX = {  # POST /graphql has the rows of the operations
    # what                               nobody garbage revoked gone closed  sub      main     other
    "query viewer": (NO, NO, NO, NO, "ok", "ok", "ok", "ok"),
    "query activeBasket": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query activeBaskets": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query basket": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query basket of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a basket": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a basket of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a item": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a item of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a part": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a part of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a product of a segment": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a product of a segment of main": (
        NO,
        NO,
        NO,
        NO,
        CLOSED,
        "null",
        "ok",
        "null",
    ),
    "query node for a snapshot": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a snapshot of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a change": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a change of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a author": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a author of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a quotation": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a quotation of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a export": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a export of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for a viewer": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a viewer of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for ERP01": (NO, NO, NO, NO, CLOSED, "ok", "ok", "null"),
    "query node for ERP02": (NO, NO, NO, NO, CLOSED, "ok", "ok", "null"),
    "query node for ERP03": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "query node for ERP04": (NO, NO, NO, NO, CLOSED, "null", "null", "null"),
    "query node for ERP05": (NO, NO, NO, NO, CLOSED, "null", "null", "ok"),
    "query node for a product": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query node for a number": (NO, NO, NO, NO, CLOSED, "null", "null", "null"),
    "query node for nothing": (NO, NO, NO, NO, CLOSED, "null", "null", "null"),
    "query draftBaskets": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query quotations": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query divisions": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query product": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query basketExport": (NO, NO, NO, NO, CLOSED, "ok", "ok", "ok"),
    "query basketExport of main": (NO, NO, NO, NO, CLOSED, "null", "ok", "null"),
    "subscription activeBasket": (NO, NO, NO, NO, NOT_BEGUN, "ok", "ok", "ok"),
    "subscription basketChanges": (NO, NO, NO, NO, NOT_BEGUN, "ok", "ok", "ok"),
    "subscription basketChanges of main": (
        NO,
        NO,
        NO,
        NO,
        NOT_BEGUN,
        NO_BASKET,
        "ok",
        NO_BASKET,
    ),
    "subscription basketExport": (NO, NO, NO, NO, NOT_BEGUN, "ok", "ok", "ok"),
    "subscription basketExport of main": (
        NO,
        NO,
        NO,
        NO,
        NOT_BEGUN,
        NO_EXPORT,
        "ok",
        NO_EXPORT,
    ),
    "mutation basketItemsAdd for ERP02": (NO, NO, NO, NO, SHUT, "ok", "ok", FOREIGN),
    "mutation basketItemsAdd for ERP01": (NO, NO, NO, NO, SHUT, FOREIGN, "ok", FOREIGN),
    "mutation basketItemsAdd for ERP03": (NO, NO, NO, NO, SHUT, FOREIGN, "ok", FOREIGN),
    "mutation basketItemsAdd for ERP04": (NO, NO, NO, NO, SHUT, FOREIGN, SHUT, FOREIGN),
    "mutation basketItemsSet for ERP02": (NO, NO, NO, NO, SHUT, "ok", "ok", FOREIGN),
    "mutation basketItemsSet for ERP01": (NO, NO, NO, NO, SHUT, FOREIGN, "ok", FOREIGN),
    "mutation basketItemsSet for ERP04": (NO, NO, NO, NO, SHUT, FOREIGN, SHUT, FOREIGN),
    "mutation basketItemUpdate": (NO, NO, NO, NO, SHUT, "ok", "ok", FOREIGN),
    "mutation basketItemRemove": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketClear": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketSave": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketLoad": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketLoad of main": (NO, NO, NO, NO, SHUT, UNKNOWN, "ok", UNKNOWN),
    "mutation basketDelete": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketDelete of main": (NO, NO, NO, NO, SHUT, UNKNOWN, "ok", UNKNOWN),
    "mutation basketRename": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketRename of main": (NO, NO, NO, NO, SHUT, UNKNOWN, "ok", UNKNOWN),
    "mutation basketCopy": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketCopy of main": (NO, NO, NO, NO, SHUT, UNKNOWN, "ok", UNKNOWN),
    "mutation basketRefresh": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketRevert": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketExport": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "mutation basketExport of main": (NO, NO, NO, NO, SHUT, UNKNOWN, "ok", UNKNOWN),
    "mutation basketImport for ERP02": (
        NO,
        NO,
        NO,
        NO,
        SHUT,
        "ok",
        "ok",
        "rejected:INVALID_ROWS",
    ),
    "mutation quotationRequest": (NO, NO, NO, NO, SHUT, "ok", "ok", "ok"),
    "GET /export_file/{name}": (
        NO,
        NO,
        NO,
        NO,
        "403:DIVISION_INACTIVE",
        "200",
        "200",
        "200",
    ),
    "GET /export_file/{name} of main": (NO, NO, NO, NO, NO_FILE, NO_FILE, "200", NO_FILE),
    "ANY /graphql by GET": ("200",) * 8,  # the page, which holds nothing of anyone
    "ANY /graphql by PUT": (NOT_HERE,) * 8,
    "ANY /graphql by PATCH": (NOT_HERE,) * 8,
    "ANY /graphql by DELETE": (NOT_HERE,) * 8,
    "ANY /graphql by OPTIONS": (NOT_HERE,) * 8,
    "MOUNT /graphiql": ("200",) * 8,
    "GET /": ("307",) * 8,  # to the page
    "GET /healthz": ("200",) * 8,
    "GET /metrics": ("200",)
    * 8,  # embedded; closed in production until METRICS_TOKEN is set
    "GET /readyz": ("200",) * 8,
    "GET /api/v1/openapi.json": ("200",) * 8,
} | matrix_of_all_prefixes()
