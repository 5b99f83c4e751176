"""Bases of the admin: every list is paged by key and never counted, history is never edited."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from core.ids import floor_key, to_ms
from core.signals import exporting
from core.times import now

AFTER = "after"  # the query parameter that names the last row of the page before
PAGE_ROWS = 50
EXPORT_ROWS = 1000  # rows read at a time by an export
_no_null = ProhibitNullCharactersValidator()  # a key that is text takes any; PostgreSQL does not


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """Newest first, the next page begins behind the last row's key: page 1,000 costs what page 1 costs."""

    next_url: str | None = None
    newest_url: str | None = None

    def get_filters_params(self, params: Any = None) -> dict[str, object]:
        """The cursor is no filter."""
        kept: dict[str, object] = super().get_filters_params(params)
        kept.pop(AFTER, None)
        return kept

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        """By key, whatever was asked."""
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """One page and one row more, which says whether there is a next page."""
        rows = self.queryset
        after = request.GET.get(AFTER)
        if after is not None:
            try:
                _no_null(after)
                rows = rows.filter(pk__lt=self.lookup_opts.pk.to_python(after))
            except ValidationError as error:
                raise IncorrectLookupParameters from error
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        self.result_count = len(self.result_list)
        self.full_result_count = self.result_count  # so that no page calls a part the whole
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.result_list, self.list_per_page)
        if len(found) > self.list_per_page:
            self.next_url = self.get_query_string({AFTER: self.result_list[-1].pk})
        if after is not None:
            self.newest_url = self.get_query_string(remove=[AFTER])

    @property
    def export_url(self) -> str:
        """The same rows as CSV."""
        return f"export.csv{self.get_query_string(remove=[AFTER])}"


def safe_cell(value: object) -> str:
    """Text that a spreadsheet shows and does not run as a formula; lists and objects as JSON."""
    text = "" if value is None else json.dumps(value) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


BOM = "\ufeff"  # or Excel reads UTF-8 as something else


def csv_line(values: Iterable[object]) -> str:
    """One line of CSV (RFC 4180)."""
    line = io.StringIO()
    csv.writer(line).writerow([safe_cell(value) for value in values])
    return line.getvalue()


class BaseAdmin(ModelAdmin):  # type: ignore[misc]
    """A list by key, its rows as CSV, and nothing that can be added or deleted here."""

    show_full_result_count = False
    list_per_page = PAGE_ROWS
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER  # they count whole tables
    actions: Any = None
    ordering = ("-pk",)
    export_fields: tuple[str, ...] = ()  # what an export holds; empty: the columns of the list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What the filters beside the list ask, and nothing else.

        Django lets every column of the model be asked for in an address: by its beginning, by a pattern. Whoever may
        see the list could read columns that it does not show, letter by letter. Refused is 400.
        """
        return lookup in self._lookups(request) and "\x00" not in str(value)

    def _lookups(self, request: HttpRequest | None) -> set[str]:
        asked = self.list_filter if request is None else self.get_list_filter(request)
        named: set[str] = set()
        for one in asked:
            if isinstance(one, str):
                named |= {one, f"{one}__exact", f"{one}__isnull"}
            else:
                named.add(one.parameter_name)
        return named

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of a key in an address; None for what is no key of any."""
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """The list's own paths before Django's, which would take `export.csv` for a key."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export.csv", self.admin_site.admin_view(self.export), name=name), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The filtered list as CSV, read and sent a thousand rows at a time. It is on record who took what."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            changes = self.get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise BadRequest("This filter is none.") from error
        rows = changes.queryset
        about = {"rows": rows.count(), "asked": {**changes.get_filters_params(), "q": changes.query}}
        exporting.send(self.model, by=request.user, **about)  # on record before the first row leaves
        columns = self.export_fields or tuple(self.list_display)
        answer = StreamingHttpResponse(self._csv(rows, columns), content_type="text/csv; charset=utf-8")
        name = f"{self.opts.model_name}-{now():%Y-%m-%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    async def _csv(self, rows: QuerySet[Any], columns: tuple[str, ...]) -> AsyncIterator[str]:
        yield BOM + csv_line(columns)
        after = None
        while True:
            part = rows if after is None else rows.filter(pk__lt=after)
            lines, after = await sync_to_async(self._lines)(part[:EXPORT_ROWS], columns)
            if not lines:
                return
            yield "".join(lines)

    def _lines(self, rows: QuerySet[Any], columns: tuple[str, ...]) -> tuple[list[str], Any]:
        found = list(rows)
        lines = [csv_line([self._cell(row, column) for column in columns]) for row in found]
        return lines, found[-1].pk if found else None

    def _cell(self, row: Any, column: str) -> object:
        shown = getattr(self, column, None)
        return shown(row) if callable(shown) else getattr(row, column)


class HistoryAdmin(BaseAdmin):
    """What happened is looked at, never edited."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def as_keys(text: str) -> list[UUID]:
    """The key that the text is, or none."""
    try:
        return [UUID(text.strip())]
    except ValueError:
        return []


class SinceFilter(admin.SimpleListFilter):
    """Rows made lately, by the time in their key: the index of the key finds them."""

    title = "made in the last"
    parameter_name = "since"
    SPANS = {
        "1m": ("minute", timedelta(minutes=1)),
        "1h": ("hour", timedelta(hours=1)),
        "24h": ("24 hours", timedelta(hours=24)),
        "7d": ("7 days", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, words) for value, (words, _) in self.SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Everything, unless one of the spans is chosen."""
        chosen = self.SPANS.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(pk__gte=floor_key(to_ms(now() - chosen[1])))


def one_of(column: str, *values: tuple[Any, str]) -> type[admin.SimpleListFilter]:
    """A filter by the known values of a column; Django's own would read the whole table for them."""

    class OneOf(admin.SimpleListFilter):
        title = column
        parameter_name = column

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(str(value), words) for value, words in values]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = next((value for value, _ in values if str(value) == self.value()), None)
            return queryset if chosen is None else queryset.filter(**{column: chosen})

    return OneOf
