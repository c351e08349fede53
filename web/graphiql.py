"""GraphiQL, served from files that a Python package carries, so that it works without the internet."""

from importlib.util import find_spec
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from web.accepted_type import prefers_html

PAGE_FOLDER = Path(__file__).parent / "page"

# It carries the official GraphiQL 2.4.7, React 17.0.2 and plug-ins, to the letter; see docs/decisions.md.
_PACKAGE = "graphene_django_graphiql_static"
_PAGE = Template((PAGE_FOLDER / "graphiql.html").read_text(encoding="utf-8"))


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def graphiql_files() -> StaticFiles:
    """Returns the application that serves the page's own files and, from the package, GraphiQL's."""
    files = StaticFiles(directory=PAGE_FOLDER)
    files.all_directories.append(_package_folder())
    return files


def _package_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The package {_PACKAGE} is not installed; install requirements/serve.txt.")
    return Path(spec.origin).parent / "static" / _PACKAGE


def wants_graphiql(request: Request) -> bool:
    """Tells a browser, which asks for HTML, from a program."""
    return prefers_html(request)


def graphiql_page(demo_token: str | None) -> Response:
    """Returns the page, with the demo token as its header when there is one."""
    page = _PAGE.substitute(token=demo_token or "")
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})
