"""Files of baskets: bulk import, export, and how far an export is."""

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.responses import Response

import settings
from models.export.export import ExportField, ExportFormat, export_of, find_export
from resolvers.basket_export import BasketExportChange
from resolvers.basket_import import BasketImport
from resolvers.unit_of_work import carry_out
from schema.inputs import BasketExportInput, BasketImportInput
from schema.scalars import Upload
from web.http.bad_request import BadRequest
from web.http.json_response import json_response
from web.http.multipart import MULTIPART, closing_files, read_form
from web.rest.fields import REQUIRED, shown
from web.rest.rejection import InvalidFields, not_found, rejected
from web.rest.request import RestRequest

IMPORTED = {"message": "File imported successfully."}
FILE = "filename"


def asks_export(query: QueryParams) -> bool:
    """Tells whether a query of the basket's address asks for a file."""
    return "fields" in query or "format" in query


async def export_basket(asked: RestRequest) -> Response:
    """Starts an export of the active basket and answers with the key by which its state is asked for."""
    given = BasketExportInput(
        segment_remote_id=asked.segment(),
        fields=_fields_of(asked.query),
        format=_format_of(asked.query),
        idempotency_key=asked.idempotency_key,
    )
    answer = await carry_out(BasketExportChange, asked.context, given)
    if answer.user_errors or answer.export is None:
        return rejected(answer.user_errors)
    return json_response({"cache_key": export_of(answer.export).cache_key})


def _fields_of(query: QueryParams) -> list[ExportField] | None:
    """Reads the columns, repeated or separated by commas; the documented address has line breaks between them."""
    if "fields" not in query:
        return None
    names = [name.strip() for text in query.getlist("fields") for name in text.split(",")]
    known = {field.value for field in ExportField}
    if wrong := [name for name in names if name and name not in known]:
        raise InvalidFields(
            {
                "fields": [
                    f"{shown(name)} is not one of {', '.join(ExportField)}."
                    for name in wrong
                ]
            }
        )
    return [ExportField(name) for name in names if name]


def _format_of(query: QueryParams) -> ExportFormat:
    name = query.get("format", ExportFormat.XLS.value).strip()
    try:
        return ExportFormat(name)
    except ValueError:
        raise InvalidFields(
            {"format": [f"{shown(name)} is not one of {', '.join(ExportFormat)}."]}
        ) from None


async def asked_state(asked: RestRequest) -> Response:
    """Tells how far an export is, and its address when it is ready."""
    buyer = asked.context.buyer
    buyer.check_active()
    found = await find_export(asked.query["status_cache_key"])
    if found is None or found.user_id != buyer.id:
        return not_found()
    url = await asked.context.exports.address(found)
    return json_response(
        {"is_ready": url is not None, "url": url, "status": found.status.lower()}
    )


async def import_file(asked: RestRequest) -> Response:
    """Adds all rows of a spreadsheet to the active basket, or none of them."""
    content_type = asked.http.headers.get("content-type", "").split(";")[0].strip()
    if content_type.lower() != MULTIPART:
        message = f'Unsupported media type "{content_type[:100]}" in request.'
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)
    maximum = 2 * settings.IMPORT_MAXIMUM_BYTES + settings.REQUEST_MAXIMUM_BYTES
    form = await read_form(asked.http, maximum, _is_file)
    with closing_files(form):
        return await _import_form(asked, form)


def _is_file(name: str, has_file_name: bool) -> bool:
    return has_file_name or name == FILE


async def _import_form(asked: RestRequest, form: FormData) -> Response:
    file = form.get(FILE)
    if not isinstance(file, UploadFile):
        raise InvalidFields({FILE: [REQUIRED]})
    given = BasketImportInput(
        file=Upload(file), **asked.shared_inputs(asked.with_segment(form))
    )
    answer = await carry_out(BasketImport, asked.context, given, whole=False)
    if answer.user_errors:
        return rejected(
            answer.user_errors, answer.report.row_errors if answer.report else ()
        )
    return json_response(IMPORTED)
