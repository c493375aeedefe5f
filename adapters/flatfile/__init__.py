"""Files in a folder: picked up when they are complete, read by a layout that is declared, and written likewise."""

from adapters.flatfile.decode import decode
from adapters.flatfile.settings import Settings
from adapters.flatfile.sink import FileSink, encode
from adapters.flatfile.source import FileSource
from gateway.adapter import Adapter

adapter = Adapter(
    kind="flatfile",
    settings=Settings,
    source=FileSource,
    sink=FileSink,
    decode=decode,
    encode=encode,
    summary="files in a drop folder: delimited, fixed, multirecord, XML, JSON",
)
