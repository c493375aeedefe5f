"""From settings to the form that reads their layout, and to the writer that writes it."""

from __future__ import annotations

from adapters.flatfile.codes import SETTING
from adapters.flatfile.layouts.delimited import Delimited, DelimitedForm, DelimitedWriter
from adapters.flatfile.layouts.fixed import Fixed, FixedForm, FixedWriter
from adapters.flatfile.layouts.items import Form, Writer
from adapters.flatfile.layouts.json import Json, JsonArray, JsonLines, JsonWriter
from adapters.flatfile.layouts.multirecord import Multirecord, MultirecordForm
from adapters.flatfile.layouts.xml import Xml, XmlForm, XmlWriter
from adapters.flatfile.settings import Content
from gateway.errors import Problem, Refused

DEFAULT_CHARSET = "utf-8"


def form(settings: Content) -> Form:
    """The reader of the settings' layout."""
    charset, largest = settings.charset or DEFAULT_CHARSET, settings.largest
    match settings.layout:
        case Delimited() as layout:
            return DelimitedForm(layout, charset, largest.line, largest.record)
        case Fixed() as layout:
            return FixedForm(layout, charset, largest.line)
        case Multirecord() as layout:
            return MultirecordForm(layout, charset, largest.line, largest.record)
        case Xml() as layout:
            return XmlForm(layout, settings.charset, largest.record)
        case Json(records="lines") as layout:
            return JsonLines(layout, charset, largest.line)
        case layout:
            return JsonArray(layout, charset, largest.record)


def writer(settings: Content) -> Writer:
    """The writer of the settings' layout.  Raises Refused where the form cannot be written."""
    charset = settings.charset or DEFAULT_CHARSET
    match settings.layout:
        case Delimited() as layout if layout.names:
            return DelimitedWriter(layout, charset, guard=settings.formulas == "guard")
        case Delimited():
            raise Refused(Problem(SETTING, path="layout.columns", rule="a sink needs the names of the columns"))
        case Fixed() as layout:
            return FixedWriter(layout, charset)
        case Xml() as layout:
            return XmlWriter(layout, charset)
        case Json() as layout:
            return JsonWriter(layout, charset)
        case Multirecord():
            raise Refused(Problem(SETTING, path="layout.form", rule="multirecord files are read only"))
