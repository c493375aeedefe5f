"""What can be wrong with a request."""

from __future__ import annotations

from gateway.errors import code

UNKNOWN_CALLER = code(
    "api.unknown-caller",
    "the request does not prove who sends it",
    "Send the key as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or as the password of HTTP Basic.",
)
LOCKED_OUT = code(
    "api.locked-out",
    "too many wrong keys came from this address",
    "Correct the key; this claim is heard again after the time that Retry-After names.",
)
FORBIDDEN = code(
    "api.forbidden",
    "the caller may not do this",
    "Ask whoever runs the gateway for the role or the feed; it is granted in the caller's file.",
)
NO_RULE = code("api.no-rule", "nobody may use this route", "Report it: a route without a rule is a mistake of the gateway.")
MISSING = code(
    "api.missing",
    "there is nothing at this address that the caller may see",
    "Check the path and the id; GET /openapi.json lists every path.",
)
METHOD = code("api.method", "the address does not take this method", "GET /openapi.json lists what each path takes.")
PARAMETER = code("api.parameter", "a parameter of the request cannot be used", "Correct the parameter that is named.")
RATE = code("api.rate", "the caller sends more than its limit allows", "Wait as long as Retry-After says; send several records in one request.")
AT_ONCE = code("api.at-once", "the caller has too many requests under way", "Wait for answers before sending more, or ask for a higher limit.")
TOO_LARGE = code("api.too-large", "the body is larger than the caller's limit, or unpacks to more", "Send it in parts.")
MALFORMED = code("api.malformed", "the bytes that came are no HTTP request", "See what the client, or a proxy before it, sends; nothing was kept.")
SLOW = code("api.slow", "the request did not arrive in time", "Send it again; nothing was kept.")
ENCODING = code("api.encoding", "the body is packed in a way that cannot be unpacked", "Send it plain, or as one whole gzip.")
CHARSET = code("api.charset", "the body is not text of the charset that it declares, or the feed cannot hold it", "Declare the charset that the body really has, as in text/csv; charset=windows-1252.")
EMPTY = code("api.empty", "the request has no body, or no record is in it", "Send one record or several.")
UNREADABLE = code(
    "api.unreadable",
    "no record of the document can be read, so nothing of it was kept",
    "See each problem; most often the layout is another one than the feed declares.",
)
ENVELOPE = code("api.envelope", "the SOAP envelope has no body with one element in it", "Put the document into the envelope's Body.")
KEY_USED = code(
    "api.key-used",
    "the Idempotency-Key was used for another document",
    "Make a new key for every document; send the same key only to repeat the same one.",
)
KEY_WRONG = code("api.key-wrong", "the Idempotency-Key cannot be used", 'Send up to 200 printable characters, as in Idempotency-Key: "8e03978e".')
UNDER_WAY = code("api.under-way", "the first request with this Idempotency-Key has not been answered yet", "Wait a moment and send it again.")
UNSENDABLE = code("api.unsendable", "the feed's adapter takes no documents from callers", "Give the feed the adapter `document`, or another one that reads whole bodies.")
FORMAT = code("api.format", "the answer cannot be given in the format that was asked for", "Ask for JSON, XML, CSV or text, by Accept or ?format=.")
FAULT = code("api.fault", "the request failed in a way that nobody foresaw", "Nothing was kept unless a receipt says so. The gateway's log has the place; report it.")
BUSY = code("api.busy", "the gateway cannot take it now", "Send it again after the time that Retry-After names.")
NO_AGREEMENT = code(
    "api.no-agreement",
    "no agreement in force lets the caller read",
    "Name an agreement in the caller's file; see copperline agreements list for why one is not in force.",
)
NO_PURPOSE = code("api.no-purpose", "the request does not say why it reads", "Send X-Purpose with the reason, or have a usual one put into the caller's file.")
CURSOR = code("api.cursor", "the cursor is not one that was given for this", "Begin again without a cursor.")
STREAMS = code("api.streams", "the caller has too many streams open", "Close one, or read /v1/events by cursor.")
LATER = code(
    "api.later",
    "what was confirmed is not done yet",
    "It stays asked for and will be carried out; GET /v1/acts no longer shows it once it is.",
)
