"""Files of a store: any file system that pyarrow knows, written atomically."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from harness.errors import HarnessError


class Files:
    """A folder on a local or remote file system.

    Args:
        location: A path, or a URL that pyarrow or fsspec knows (`s3://bucket/results`).

    Raises:
        HarnessError: when the URL's scheme is not known.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        try:
            if "://" in self.location:
                self._fs, self._root = fs.FileSystem.from_uri(self.location)
            else:
                self._fs, self._root = fs.LocalFileSystem(), str(Path(location).absolute())
        except (pa.ArrowInvalid, ValueError) as error:
            raise HarnessError(f"store {self.location!r} is not a path or URL that can be opened: {error}") from error

    def path(self, *parts: str) -> str:
        """Return the path of a file inside the folder."""
        return "/".join([self._root.rstrip("/"), *parts])

    def exists(self, *parts: str) -> bool:
        """Say whether a file or folder exists."""
        return bool(self._fs.get_file_info(self.path(*parts)).type != fs.FileType.NotFound)

    def names(self, *parts: str) -> list[str]:
        """Return the names inside a folder, sorted, temporary ones left out; none where there is no folder."""
        selector = fs.FileSelector(self.path(*parts), allow_not_found=True)
        return sorted(info.base_name for info in self._fs.get_file_info(selector) if not info.base_name.startswith("."))

    def write_table(self, table: pa.Table, *parts: str) -> None:
        """Write a parquet file atomically."""
        with self._moved_into_place(parts) as temporary:
            pq.write_table(table, temporary, filesystem=self._fs, compression="zstd")

    def read_table(self, *parts: str, columns: list[str] | None = None) -> pa.Table:
        """Read one parquet file.

        Raises:
            HarnessError: when the file is damaged; names it.
        """
        try:
            return pq.ParquetFile(self._fs.open_input_file(self.path(*parts))).read(columns=columns)
        except pa.ArrowInvalid as error:
            raise HarnessError(f"{self.path(*parts)} is not a readable parquet file: {error}; move it away") from error

    def write_json(self, value: Any, *parts: str) -> None:
        """Write a small JSON file atomically."""
        with self._moved_into_place(parts) as temporary, self._fs.open_output_stream(temporary) as stream:
            stream.write(json.dumps(value, indent=1).encode())

    def read_json(self, *parts: str) -> Any:
        """Read a small JSON file."""
        with self._fs.open_input_stream(self.path(*parts)) as stream:
            return json.loads(stream.read())

    def remove(self, *parts: str) -> None:
        """Delete one file."""
        self._fs.delete_file(self.path(*parts))

    def _moved_into_place(self, parts: tuple[str, ...]) -> _Place:
        return _Place(self._fs, self.path(*parts[:-1]), parts[-1])


class _Place:
    """A temporary file that takes its name only when it is whole."""

    def __init__(self, filesystem: fs.FileSystem, folder: str, name: str) -> None:
        self._fs = filesystem
        self._folder, self._name = folder, name
        self._temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"

    def __enter__(self) -> str:
        self._fs.create_dir(self._folder, recursive=True)
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._fs.move(self._temporary, f"{self._folder}/{self._name}")
        elif self._fs.get_file_info(self._temporary).type != fs.FileType.NotFound:
            self._fs.delete_file(self._temporary)
