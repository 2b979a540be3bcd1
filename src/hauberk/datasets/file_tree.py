"""The files of a data set by relative name, in a folder or in a tar archive that is never unpacked."""

import tarfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hauberk.datasets import compressed
from hauberk.datasets.compressed import Bounded, require_plausible
from hauberk.errors import InputError

DAMAGE = (*compressed.DAMAGE, tarfile.TarError, OverflowError)
"""Errors that Python's archive readers raise for a file that is not an archive, or a broken one."""


@dataclass(frozen=True)
class FileTree(ABC):
    """Files by their names relative to `path`, with / between folders on every system.

    Args:
        path: The folder or archive that contains the files.
    """

    path: Path

    @abstractmethod
    def names(self, depth: int) -> list[str]:
        """Return the names that have `depth` parts, sorted by their parts.

        Raises:
            InputError: the archive is corrupt, or contains a link or a name that leads out of it.
        """

    @abstractmethod
    def read(self, names: Collection[str], largest: int) -> Iterator[tuple[str, bytes]]:
        """Yield those of `names` that exist, each with its content, in the order that is fastest to read.

        Raises:
            InputError: a file cannot be read or has more than `largest` bytes; also as for `names`.
        """

    @abstractmethod
    def versions(self, names: Collection[str]) -> list[tuple[str, int, int]]:
        """Return names, sizes and modification times, which differ if the contents do."""


class Folder(FileTree):
    """A folder on disk; links in it are followed, since they are its owner's.

    Arguments are those of `FileTree`.
    """

    def names(self, depth: int) -> list[str]:
        found = [file.relative_to(self.path).parts for file in self.path.glob("/".join("*" * depth)) if file.is_file()]
        return ["/".join(parts) for parts in sorted(found)]

    def read(self, names: Collection[str], largest: int) -> Iterator[tuple[str, bytes]]:
        for name in sorted(names):
            file = self.path / name
            if not file.is_file():
                continue
            _require_small(str(file), file.stat().st_size, largest)
            try:
                content = file.read_bytes()
            except OSError as error:
                raise InputError(f"{file} cannot be read ({error}); check its permissions.") from error
            yield name, content

    def versions(self, names: Collection[str]) -> list[tuple[str, int, int]]:
        return [_version(name, self.path / name) for name in names]


class Tar(FileTree):
    """A tar archive, compressed or not. Each call reads it once from start to end and writes nothing to disk.

    Its files may have up to 32 times its size together (`compressed.most`).

    Arguments are those of `FileTree`.
    """

    def names(self, depth: int) -> list[str]:
        found = {PurePosixPath(name).parts for name, _, _ in self._members()}  # a set: an archive may repeat a name
        return ["/".join(parts) for parts in sorted(found) if len(parts) == depth]

    def read(self, names: Collection[str], largest: int) -> Iterator[tuple[str, bytes]]:
        wanted = frozenset(names)
        for name, member, archive in self._members():
            if name in wanted:
                _require_small(f"{self.path}: {name}", member.size, largest)
                try:
                    stream = archive.extractfile(member)
                    content = b"" if stream is None else stream.read()
                except DAMAGE as error:
                    raise InputError(
                        f"{self.path}: {name} cannot be read ({error}); fetch the archive again."
                    ) from error
                yield name, content

    def _members(self) -> Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]:
        try:
            size = self.path.stat().st_size
            with Bounded(self.path, size) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
                for member in archive:
                    require_plausible(member.size, size)
                    name = PurePosixPath(member.name)
                    odd = member.issparse() or not (member.isfile() or member.isdir())
                    if odd or name.is_absolute() or ".." in name.parts:
                        raise InputError(
                            f"{self.path}: {member.name} is a link, a device or leads out of the archive; remove it."
                        )
                    if member.isfile():
                        yield str(name), member, archive
        except InputError:
            raise
        except DAMAGE as error:
            raise InputError(f"{self.path} cannot be read as a tar archive ({error}); fetch it again.") from error

    def versions(self, names: Collection[str]) -> list[tuple[str, int, int]]:
        return [_version(self.path.name, self.path), *((name, 0, 0) for name in names)]


def _version(name: str, file: Path) -> tuple[str, int, int]:
    facts = file.stat()
    return name, facts.st_size, facts.st_mtime_ns


def open_tree(path: Path, wanted: str = "the data") -> FileTree:
    """Return the files of a folder or tar archive; `wanted` tells the user what to put there.

    Raises:
        InputError: `path` is neither a folder nor a file.
    """
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Tar(path)
    raise InputError(f"{path} is neither a folder nor a tar archive; check the path, or put there {wanted}.")


def _require_small(file: str, size: int, largest: int) -> None:
    if size > largest:
        raise InputError(f"{file} has {size} bytes, but no such file has more than {largest}; check what it is.")
