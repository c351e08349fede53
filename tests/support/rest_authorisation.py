"""The rows of the authorisation matrix for the REST interface, which is the same below each of its prefixes."""

from web.rest.router import PREFIXES

REQUESTS = {
    "GET PREFIX/basket/": "GET PREFIX/basket/",
    "GET PREFIX/basket/ to export": "GET PREFIX/basket/?format=csv",
    "GET PREFIX/basket/ for the state": "GET PREFIX/basket/?status_cache_key=KEY",
    "GET PREFIX/basket/ for the state of main": "GET PREFIX/basket/?status_cache_key=KEY",
    "POST PREFIX/basket/ for ERP02": 'POST PREFIX/basket/ {"product_remote_id": 1, "division": ERP02, "quantity": 1}',
    "POST PREFIX/basket/ for ERP01": 'POST PREFIX/basket/ {"product_remote_id": 1, "division": ERP01, "quantity": 1}',
    "PUT PREFIX/basket/": 'PUT PREFIX/basket/ {"product_remote_id": 1, "division": ERP02, "quantity": 3}',
    "DELETE PREFIX/basket/": 'DELETE PREFIX/basket/ {"product_remote_id": 1}',
    "GET PREFIX/basket/drafts/": "GET PREFIX/basket/drafts/",
    "POST PREFIX/basket/save/": 'POST PREFIX/basket/save/ {"name": "S"}',
    "POST PREFIX/basket/{basket_id}/load/": "POST PREFIX/basket/DRAFT/load/ {}",
    "POST PREFIX/basket/{basket_id}/load/ of main": "POST PREFIX/basket/DRAFT/load/ {}",
    "POST PREFIX/basket/bulk-import/ for ERP02": "POST PREFIX/basket/bulk-import/ FILE",
    "GET PREFIX/my-divisions/": "GET PREFIX/my-divisions/",
    "GET PREFIX/basket/my-divisions/": "GET PREFIX/basket/my-divisions/",
    "GET PREFIX/my-quotations/": "GET PREFIX/my-quotations/",
    "GET PREFIX/basket/my-quotations/": "GET PREFIX/basket/my-quotations/",
    "POST PREFIX/my-quotations/": 'POST PREFIX/my-quotations/ {"name": "Q"}',
    "POST PREFIX/basket/my-quotations/": 'POST PREFIX/basket/my-quotations/ {"name": "Q"}',
    "ANY PREFIX": "GET PREFIX",
    "ANY PREFIX/{path:path}": "GET PREFIX/nothing/",
    "ANY PREFIX/basket": "GET PREFIX/basket",
    "ANY PREFIX/basket/drafts": "GET PREFIX/basket/drafts",
    "ANY PREFIX/basket/save": "POST PREFIX/basket/save {}",
    "ANY PREFIX/basket/{basket_id}/load": "POST PREFIX/basket/DRAFT/load {}",
    "ANY PREFIX/basket/bulk-import": "POST PREFIX/basket/bulk-import {}",
    "ANY PREFIX/my-divisions": "GET PREFIX/my-divisions",
    "ANY PREFIX/my-quotations": "GET PREFIX/my-quotations",
    "ANY PREFIX/basket/my-divisions": "GET PREFIX/basket/my-divisions",
    "ANY PREFIX/basket/my-quotations": "GET PREFIX/basket/my-quotations",
}
"""What is sent for each row; ERP01 and ERP02 stand for the ids of these divisions, FILE for a spreadsheet."""

NO_ONE = "401:Authentication credentials were not provided."
BAD = "401:Invalid token."
OUT = (NO_ONE, BAD, BAD, BAD)
SHUT = "400:non_field_errors"
FOREIGN = "400:division"
NOTHING = "404:Not found."
ELSEWHERE = ("301",) * 8
NOT_HERE = ("405",) * 8

# fmt: off
MATRIX = {
    # what                                          nobody garbage revoked gone; closed, sub, main, other
    "GET PREFIX/basket/":                           (*OUT, SHUT, "200",   "200", "200"),
    "GET PREFIX/basket/ to export":                 (*OUT, SHUT, "200",   "200", "200"),
    "GET PREFIX/basket/ for the state":             (*OUT, SHUT, "200",   "200", "200"),
    "GET PREFIX/basket/ for the state of main":     (*OUT, SHUT, NOTHING, "200", NOTHING),
    "POST PREFIX/basket/ for ERP02":                (*OUT, SHUT, "200",   "200", FOREIGN),
    "POST PREFIX/basket/ for ERP01":                (*OUT, SHUT, FOREIGN, "200", FOREIGN),
    "PUT PREFIX/basket/":                           (*OUT, SHUT, "200",   "200", FOREIGN),
    "DELETE PREFIX/basket/":                        (*OUT, SHUT, "200",   "200", "200"),
    "GET PREFIX/basket/drafts/":                    (*OUT, SHUT, "200",   "200", "200"),
    "POST PREFIX/basket/save/":                     (*OUT, SHUT, "200",   "200", "200"),
    "POST PREFIX/basket/{basket_id}/load/":         (*OUT, SHUT, "200",   "200", "200"),
    "POST PREFIX/basket/{basket_id}/load/ of main": (*OUT, SHUT, NOTHING, "200", NOTHING),
    "POST PREFIX/basket/bulk-import/ for ERP02":    (*OUT, SHUT, "200",   "200", "400:filename"),
    # As `viewer` does, the divisions say why nothing else works.
    # As `viewer` does, the divisions say why nothing else works.
    "GET PREFIX/my-divisions/":                     (*OUT, "200", "200", "200", "200"),
    "GET PREFIX/basket/my-divisions/":              (*OUT, "200", "200", "200", "200"),
    "GET PREFIX/my-quotations/":                    (*OUT, SHUT, "200",   "200", "200"),
    "GET PREFIX/basket/my-quotations/":             (*OUT, SHUT, "200",   "200", "200"),
    "POST PREFIX/my-quotations/":                   (*OUT, SHUT, "200",   "200", "200"),
    "POST PREFIX/basket/my-quotations/":            (*OUT, SHUT, "200",   "200", "200"),
    # What is no address, and what lacks the slash at its end, answers everyone the same.
    "ANY PREFIX":                                   (NOTHING,) * 8,
    "ANY PREFIX/{path:path}":                       (NOTHING,) * 8,
    "ANY PREFIX/basket":                            ELSEWHERE,
    "ANY PREFIX/basket/drafts":                     ELSEWHERE,
    "ANY PREFIX/basket/save":                       NOT_HERE,
    "ANY PREFIX/basket/{basket_id}/load":           NOT_HERE,
    "ANY PREFIX/basket/bulk-import":                NOT_HERE,
    "ANY PREFIX/my-divisions":                      ELSEWHERE,
    "ANY PREFIX/my-quotations":                     ELSEWHERE,
    "ANY PREFIX/basket/my-divisions":               ELSEWHERE,
    "ANY PREFIX/basket/my-quotations":              ELSEWHERE,
}
# fmt: on


def requests_of_all_prefixes() -> dict[str, str]:
    """Returns the requests below each prefix."""
    return {
        row.replace("PREFIX", prefix): request.replace("PREFIX", prefix)
        for prefix in PREFIXES
        for row, request in REQUESTS.items()
    }


def matrix_of_all_prefixes() -> dict[str, tuple[str, ...]]:
    """Returns the rows below each prefix."""
    return {
        row.replace("PREFIX", prefix): outcomes
        for prefix in PREFIXES
        for row, outcomes in MATRIX.items()
    }
