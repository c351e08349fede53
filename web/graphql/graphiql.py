"""GraphiQL, served from files that a Python package carries, so that no internet is needed."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Self

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from models.demo import DEMO_TOKENS
from settings.options import Options
from web.documents.library import DocumentMode
from web.http.compressed_files import CompressedFiles

PAGE_FOLDER = Path(__file__).parent / "page"

# It carries unchanged GraphiQL 2.4.7, React 17.0.2 and plug-ins; see docs/decisions.md.
_PACKAGE = "graphene_django_graphiql_static"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}


class GraphiqlPage:
    """The page and its files, with a token filled in where there is one."""

    def __init__(
        self, token: str = "", root_path: str = "", *, is_compressed: bool = True
    ) -> None:
        # Inside a script element only "<" can end it.
        operations = json.dumps(read_operations()).replace("<", "\\u003c")
        template = Template((PAGE_FOLDER / "graphiql.html").read_text(encoding="utf-8"))
        self._content = template.substitute(token=token, operations=operations)
        self._address = f"{root_path}/graphql"
        self._files = CompressedFiles if is_compressed else StaticFiles

    @classmethod
    def from_options(cls, options: Options) -> Self | None:
        """Returns the page of an application, in the demo with its token; None if it is off."""
        # What a person writes there is a text, which the other modes reject.
        if not options.has_graphiql or options.documents != DocumentMode.ANY:
            return None
        token = DEMO_TOKENS[0] if options.is_embedded else ""
        return cls(token, options.root_path, is_compressed=options.has_compression)

    def respond(self) -> Response:
        """Returns the page."""
        return HTMLResponse(self._content, headers=HEADERS)

    def routes(self) -> list[BaseRoute]:
        """Returns the routes of the page's files, and the redirect from the root to the page."""
        files = self._files(directory=PAGE_FOLDER)
        files.all_directories.append(_package_folder())
        return [Route("/", self._redirect), Mount("/graphiql", files)]

    async def _redirect(self, request: Request) -> Response:
        return RedirectResponse(self._address)


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


@cache
def _package_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        message = (
            f"The package {_PACKAGE} is not installed; install requirements/serve.txt."
        )
        raise RuntimeError(message)
    return Path(spec.origin).parent / "static" / _PACKAGE
