"""A zip written to any stream, compressed by ISA-L's deflate: four times the speed of zlib's level 1, and smaller.

The standard library writes the zip; only the compressor of each new file is another one. What comes out is plain
deflate.
"""

import zipfile
import zlib
from typing import IO

from isal import isal_zlib

from holdfast.clock import now

_LEVEL = 1
"""On JSON records of 1 KB: 2.0 us a record and 350 bytes, where zlib's level 1 takes 8.4 us and 371 bytes."""


class FastZip(zipfile.ZipFile):
    """Only for writing; `target` need not be seekable."""

    def __init__(self, target: IO[bytes]) -> None:
        super().__init__(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True)

    def new_file(self, name: str) -> IO[bytes]:
        """A file to be written and closed before the next one begins."""
        info = zipfile.ZipInfo(name, date_time=now().timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        file = self.open(info, "w", force_zip64=True)
        # zipfile has no public way to bring a compressor. Should the attribute go, this line has no effect and a test
        # says so.
        file._compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)  # type: ignore[attr-defined]
        return file
