"""SOAP services: polled and submitted to by what a reviewed bundle of WSDL and schemas says, and kept at arm's length."""

from adapters.soap.discover import discover
from adapters.soap.encode import encode
from adapters.soap.records import decode
from adapters.soap.settings import Reach, Settings
from adapters.soap.sink import SoapSink
from adapters.soap.source import SoapSource
from gateway.adapter import Adapter

adapter = Adapter(
    kind="soap",
    settings=Settings,
    source=SoapSource,
    sink=SoapSink,
    decode=decode,
    encode=encode,
    discover=discover,
    reach=Reach,
    summary="SOAP 1.1 and 1.2 services: records polled from an operation, records submitted to one",
)
