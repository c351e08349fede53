"""GraphiQL, served from files that a Python package carries, so that it works without the internet."""

import json
from importlib.util import find_spec
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import settings
from web.graphql.accepted_type import prefers_html

PAGE_FOLDER = Path(__file__).parent / "page"

# It carries the official GraphiQL 2.4.7, React 17.0.2 and plug-ins, to the letter; see docs/decisions.md.
_PACKAGE = "graphene_django_graphiql_static"
_PAGE = Template((PAGE_FOLDER / "graphiql.html").read_text(encoding="utf-8"))


def read_operations() -> list[dict[str, str]]:
    """Returns the tabs of the page, each with a document and its variables."""
    files = sorted((PAGE_FOLDER / "operations").glob("*.graphql"))
    return [
        {
            "query": file.read_text(encoding="utf-8"),
            "variables": _read_if_present(file.with_suffix(".json")),
        }
        for file in files
    ]


def _read_if_present(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


# Inside a script element only "<" can end it.
_OPERATIONS = json.dumps(read_operations()).replace("<", "\\u003c")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def graphiql_routes() -> list[BaseRoute]:
    """Returns the routes of the page: its own files, those of the package, and the way from the root."""
    files = StaticFiles(directory=PAGE_FOLDER)
    files.all_directories.append(_package_folder())
    return [Route("/", redirect_to_graphiql), Mount("/graphiql", files)]


def _package_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"The package {_PACKAGE} is not installed; install requirements/serve.txt."
        )
    return Path(spec.origin).parent / "static" / _PACKAGE


def wants_graphiql(request: Request) -> bool:
    """Tells a browser, which asks for HTML, from a program."""
    return prefers_html(request)


async def redirect_to_graphiql(request: Request) -> Response:
    """Leads from the root to the page, below the path prefix of a proxy."""
    return RedirectResponse(f"{settings.ROOT_PATH}/graphql")


def graphiql_page(demo_token: str | None) -> Response:
    """Returns the page, with the demo token filled in when there is one."""
    page = _PAGE.substitute(token=demo_token or "", operations=_OPERATIONS)
    return HTMLResponse(
        page,
        headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
    )
