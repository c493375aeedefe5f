"""What goes wrong between us and a SOAP service, and what a person does about it."""

from __future__ import annotations

from gateway.errors import code

BUNDLE = code(
    "soap.bundle",
    "The bundle of WSDL and schemas is not there, or is not what was reviewed.",
    "Make it again from the reviewed files: copperline wsdl add SYSTEM FILE…; then read what changed before committing it.",
)
OUTSIDE = code(
    "soap.outside",
    "A WSDL or schema refers to something outside its reviewed bundle; nothing was fetched.",
    "Get the file from the vendor, review it, and add it: copperline wsdl add SYSTEM FILE… (--as URL=FILE for a web address).",
)
WSDL = code(
    "soap.wsdl",
    "The WSDL or one of its schemas cannot be used.",
    "See the place and the reason; ask the vendor for a corrected file, or correct a copy and add that to the bundle.",
)
NO_OPERATION = code(
    "soap.no-operation",
    "The WSDL has no such service, port, operation or element.",
    "Compare the settings of the feed with: copperline discover SYSTEM.",
)
ENCODED = code(
    "soap.encoded",
    "The operation uses rpc/encoded messages, whose schema nobody can check.",
    "Ask the vendor for a port with literal messages; encoded ones are not supported.",
)
REQUEST = code(
    "soap.request",
    "The request cannot be built as its message type asks for.",
    "See the element that is named; correct request: in the feed's settings, or the mapping that fills it.",
)
UNREACHABLE = code(
    "soap.unreachable",
    "The service cannot be reached.",
    "Nothing to do if it comes back; otherwise see address:, the network and the service itself.",
)
SILENT = code(
    "soap.silent",
    "The service did not answer in time.",
    "Nothing to do if it comes back; raise timeout: in the feed's settings if it is only slow.",
)
BROKEN = code(
    "soap.broken",
    "The connection ended in the middle of an answer; nothing of it was taken.",
    "Nothing to do if it was a blip; otherwise look for a proxy or a limit between us and the service.",
)
TLS = code(
    "soap.tls",
    "The secure connection was refused: by us, as its certificate is not trusted, or by the service, as ours is not.",
    "Compare tls: in the feed's settings with what the service's operator says; never switch the check off.",
)
STATUS = code(
    "soap.status",
    "An HTTP status said that the service, or something before it, is not well.",
    "Nothing to do if it comes back; otherwise ask its operator, naming the status.",
)
DENIED = code(
    "soap.denied",
    "The service does not let us in.",
    "See the user, the password and the certificates in security: and tls:; then: copperline systems resume.",
)
ADDRESS = code(
    "soap.address",
    "There is no service at this address, or it sends us elsewhere; redirects are never followed.",
    "Correct address: in the feed's settings; then: copperline systems resume.",
)
NOT_SOAP = code(
    "soap.not-soap",
    "What came back is not SOAP: a page of a proxy or of a login, or the wrong address.",
    "Open the address from this machine to see what answers there; correct address: where it is wrong.",
)
OVERLONG = code(
    "soap.overlong",
    "The answer is longer than the limit; the connection was closed and nothing of it was taken.",
    "Ask for less at once in request:, or raise largest: in the feed's settings; then: copperline systems resume.",
)
UNREADABLE = code(
    "soap.unreadable",
    "The answer cannot be read as XML or as the parts that it says it has; its bytes are in the archive.",
    "Hand the bytes to the service's operator; then: copperline systems resume.",
)
FAULT = code(
    "soap.fault",
    "The service answered with a fault.",
    "Its bytes are kept. If this fault has a known meaning, say so under faults: in the feed's settings; then: copperline systems resume.",
)
INVALID = code(
    "soap.invalid",
    "What the service sent does not obey its own schema.",
    "Ask the service's operator; `invalid: report` in the feed's settings takes what is valid of such records, and lists the rest on them.",
)
SIGNATURE = code(
    "soap.signature",
    "The answer is not signed as it must be: by the known key, and with its body covered.",
    "Nothing of it was taken. See expect: in the feed's settings, and who could have changed the answer.",
)
NO_KEY = code(
    "soap.no-key",
    "A record has no key.",
    "Compare key: in the feed's settings with the record.",
)
GONE = code(
    "soap.gone",
    "An answer that was being read is not in the archive any more, and the service has handed it over for good.",
    "Restore var/archive; what it held that was not read is lost otherwise. Then: copperline systems resume.",
)
DOCUMENT = code(
    "soap.document",
    "The record cannot be expressed as the document that the service asks for.",
    "See the element and the reason; correct the record at its source, or the mapping that writes the element.",
)
REFUSED = code(
    "soap.refused",
    "The service refused the record.",
    "See its reasons; correct the record at its source, and it is sent again.",
)
WARNED = code(
    "soap.warned",
    "The service took the record, with a warning.",
    "See its reasons; correct the record at its source where it is wrong.",
)
NO_CALL = code(
    "soap.no-call",
    "The settings name no operation for what has to be done.",
    "Add submit: (or under it update:, remove:, follow: or find:) to the feed's settings.",
)
UNCERTAIN = code(
    "soap.uncertain",
    "The service may or may not have taken the record, and there is no operation to ask it by.",
    "Look it up in the service; then release or withdraw the delivery. An operation under find: would answer this by itself.",
)
