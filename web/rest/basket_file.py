"""Files of baskets: bulk import, export, and the state of an export."""

from typing import cast

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.responses import Response

from models.basket.read import SUMMARY
from models.export.export import ExportField, ExportFormat, find_export
from resolvers.basket_export import BasketExportChange
from resolvers.basket_import import BasketImport
from resolvers.unit_of_work import carry_out
from schema.inputs import BasketExportInput, BasketImportInput
from schema.scalars import Upload
from web.http.bad_request import BadRequest
from web.http.json_response import json_response
from web.http.multipart import MULTIPART, closing_files, read_form
from web.rest.fields import REQUIRED, Fields, format_value
from web.rest.rejection import not_found_response, rejection_response
from web.rest.request import RestRequest

IMPORTED = {"message": "File imported successfully."}
FILE = "filename"


def is_export_query(query: QueryParams) -> bool:
    """Tells whether a query of the basket's address asks for a file."""
    return "fields" in query or "format" in query


async def export_basket(request: RestRequest) -> Response:
    """Starts an export of the active basket and returns the key of its state."""
    fields = Fields(request.query)
    columns, format = _parse_columns(request.query, fields), _parse_format(fields)
    given = BasketExportInput(
        fields=columns, format=format, **request.shared_inputs(fields)
    )
    answer = await carry_out(BasketExportChange, request.context, given)
    if answer.user_errors:
        return rejection_response(answer.user_errors)
    # Only a retry finds that the export has gone since, and it answers as its state does.
    if answer.export is None:
        return not_found_response()
    return json_response({"cache_key": answer.export.cache_key})


def _parse_columns(query: QueryParams, fields: Fields) -> list[ExportField] | None:
    """Returns the columns, repeated or separated by commas; None without any.

    The documented example has line breaks between them, so names are stripped.
    """
    if "fields" not in query:
        return None
    names = [name.strip() for text in query.getlist("fields") for name in text.split(",")]
    known = {field.value for field in ExportField}
    for name in names:
        if name and name not in known:
            choices = ", ".join(ExportField)
            fields.reject("fields", f"{format_value(name)} is not one of {choices}.")
    return [ExportField(name) for name in names if name in known]


def _parse_format(fields: Fields) -> ExportFormat:
    name = fields.values.get("format", ExportFormat.XLS.value).strip()
    try:
        return ExportFormat(name)
    except ValueError:
        choices = ", ".join(ExportFormat)
        fields.reject("format", f"{format_value(name)} is not one of {choices}.")
        return ExportFormat.XLS


async def read_export_state(request: RestRequest) -> Response:
    """Returns the state of an export, and its address when it is ready."""
    buyer = request.context.buyer
    buyer.check_active()
    export = await find_export(request.query["status_cache_key"])
    if export is None or export.user_id != buyer.id:
        return not_found_response()
    url = await request.context.exports.address(export)
    return json_response(
        {"is_ready": url is not None, "url": url, "status": export.status.lower()}
    )


async def import_file(request: RestRequest) -> Response:
    """Adds all rows of a spreadsheet to the active basket, or none of them."""
    content_type = request.http.headers.get("content-type", "").split(";")[0].strip()
    if content_type.lower() != MULTIPART:
        message = f'Unsupported media type "{content_type[:100]}" in request.'
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)
    form = await read_form(request.http, request.options.upload_maximum_bytes, _is_file)
    with closing_files(form):
        return await _import_form(request, form)


def _is_file(name: str, has_file_name: bool) -> bool:
    return has_file_name or name == FILE


async def _import_form(request: RestRequest, form: FormData) -> Response:
    file, fields = form.get(FILE), request.with_segment(form)
    if not isinstance(file, UploadFile):
        fields.reject(FILE, REQUIRED)
    shared = request.shared_inputs(fields)
    given = BasketImportInput(file=cast("Upload", file), **shared)
    answer = await carry_out(BasketImport, request.context, given, wants=SUMMARY)
    if answer.user_errors:
        return rejection_response(
            answer.user_errors, answer.report.row_errors if answer.report else ()
        )
    return json_response(IMPORTED)
