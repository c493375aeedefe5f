"""Files in a folder, and the documents that are in them.

`flatfile` picks complete files up and writes them; `document` has the same layouts and no folder:
its documents are sent in by callers, or fetched.
"""

from adapters.flatfile.decode import decode
from adapters.flatfile.discover import discover
from adapters.flatfile.settings import Content, Settings
from adapters.flatfile.sink import FileSink, encode
from adapters.flatfile.source import FileSource
from adapters.flatfile.whole import whole
from gateway.adapter import Adapter

adapter = Adapter(
    kind="flatfile",
    settings=Settings,
    source=FileSource,
    sink=FileSink,
    decode=decode,
    encode=encode,
    whole=whole,
    discover=discover,
    summary="files in a drop folder: delimited, fixed, multirecord, XML, JSON",
)

document = Adapter(
    kind="document",
    settings=Content,
    decode=decode,
    encode=encode,
    whole=whole,
    summary="documents that callers send in or fetch over HTTP: the layouts of flatfile, without a folder",
)
