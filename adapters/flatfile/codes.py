"""What goes wrong with files, each with a stable code, its meaning and what a person does about it."""

from __future__ import annotations

from gateway.errors import code

RAGGED = code(
    "flatfile.ragged",
    "The row has not as many cells as the layout has columns.",
    "Compare the row with the header; ask the sender to quote cells that hold the delimiter, then release or discard it.",
)
LENGTH = code(
    "flatfile.length",
    "The line has not the length that the layout or the line itself states.",
    "Compare the line with the specification; if the sender's layout has changed, add the new length to the layout.",
)
TYPE = code(
    "flatfile.type",
    "The line is of a type that the layout does not name.",
    "Add the type to the layout's lines, or to its ignore list, then release the record.",
)
ORPHAN = code(
    "flatfile.orphan",
    "The line belongs to a record whose first line is not before it.",
    "Ask the sender for the whole record again; discard this part of it.",
)
TWICE = code(
    "flatfile.twice",
    "A line that may come once in a record came twice.",
    "If the sender may repeat it, say `many: true` for its type; otherwise ask for a corrected file.",
)
KEY = code(
    "flatfile.key",
    "The fields that name the record are blank.",
    "A record without a name cannot be followed; ask the sender for a corrected file and discard this one.",
)
CHARSET = code(
    "flatfile.charset",
    "Bytes that are not in the charset of the settings.",
    "Find out in which charset the sender writes, set `charset`, and release the record.",
)
CONTROL = code(
    "flatfile.control",
    "A NUL or a carriage return without a line feed.",
    "The file was damaged or made by another program; ask for it again, or discard the record.",
)
QUOTING = code(
    "flatfile.quoting",
    "A quoted cell is not closed, or goes on after its closing quote.",
    "Ask the sender to double the quotes inside cells; if quotes have no meaning in this file, set `quote: none`.",
)
OVERLONG = code(
    "flatfile.overlong",
    "The record is longer than the settings allow.",
    "If such records are right, raise `largest` and read the document again; its bytes are kept.",
)
RECORD = code(
    "flatfile.record",
    "The record cannot be read in the form that the layout names.",
    "Look at the bytes of the record; ask the sender for a corrected file, then discard it.",
)
HEADER = code(
    "flatfile.header",
    "The document does not begin as the layout says; nothing of it was accepted.",
    "Check that the file is meant for this feed; if the sender's layout has changed, change the layout and drop it again.",
)
TRAILER = code(
    "flatfile.trailer",
    "The document has no trailer where the layout says there is one; nothing of it was accepted.",
    "The file is not complete; ask the sender for it again.",
)
TOTAL = code(
    "flatfile.total",
    "The trailer's total does not agree with the document; nothing of it was accepted.",
    "The file lost or gained records on its way; ask the sender for it again.",
)
TRUNCATED = code(
    "flatfile.truncated",
    "The document ends before it is complete.",
    "Ask the sender for the whole file; choose a stronger sign of completeness under `ready`.",
)
LARGE = code(
    "flatfile.large",
    "The document is larger than the settings allow; nothing of it was accepted.",
    "If documents of this size are right, raise `largest.document` and drop the file again; its bytes are kept.",
)
CONTAINER = code(
    "flatfile.container",
    "The compressed file is damaged, or breaks one of the rules for compressed files; nothing of it was accepted.",
    "Ask the sender for a new file; where it is right as it is, raise the limits under `compression`.",
)
NAMESPACES = code(
    "flatfile.namespaces",
    "The record stands under other namespaces than the first one of its document.",
    "Ask the sender to declare all namespaces in the root element; discard the record once it came again.",
)
REPLACED = code(
    "flatfile.replaced",
    "New content took the place of the file while it was being read; its rest was not read.",
    "The new content is read as a document of its own; check that it holds the rest, then discard this entry.",
)
GONE = code(
    "flatfile.gone",
    "The file went away while it was being read.",
    "Put it back under its name and resume; if it is lost, put an empty file there: the rest is then reported as lost.",
)
BUSY = code(
    "flatfile.busy",
    "The file changed in the moment it was read.",
    "Nothing; it is read again at the next poll. If it repeats, choose a stronger sign of completeness under `ready`.",
)
WAITING = code(
    "flatfile.waiting",
    "A file is there, but has not been unchanged for long enough to be complete.",
    "Nothing; it is looked at again in a moment.",
)
FOLDER = code(
    "flatfile.folder",
    "The drop folder or a file in it cannot be reached.",
    "Check that the folder exists, is mounted, and may be read and written by the gateway's user.",
)
DISK = code(
    "flatfile.disk",
    "The disk is full.",
    "Make room; the gateway goes on by itself.",
)
REMOVE = code(
    "flatfile.remove",
    "The file is in the journal but could not be removed from the drop folder.",
    "Let the gateway's user remove files there, then resume; nothing is read twice.",
)
SETTING = code(
    "flatfile.setting",
    "The settings do not allow this.",
    "See `copperline docs flatfile`.",
)
CLOSED = code(
    "flatfile.closed",
    "The source was closed while it read.",
    "Nothing; it goes on from its cursor when the gateway starts again.",
)
VALUE = code(
    "flatfile.value",
    "The value does not fit the field of the file that is to be written.",
    "Shorten or convert it in the mapping, then release the delivery.",
)
