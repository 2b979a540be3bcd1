"""Makers of damaged files."""

import io
import random
import tarfile
from pathlib import Path


def cut(content: bytes) -> dict[str, bytes]:
    """Return the beginnings of a file."""
    return {f"first {share} %": content[: len(content) * share // 100] for share in (0, 1, 30, 60, 97)}


def flipped(content: bytes, count: int, seed: int) -> bytes:
    """Return a file with the first bytes, which hold its structure, changed at random."""
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(count):
        changed[rng.randrange(min(len(changed), 60))] ^= rng.randrange(1, 256)
    return bytes(changed)


def tar(mode: str, *members: tuple[str, bytes | int, bytes]) -> bytes:
    """Return an archive of files, by name, content or size, and type."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = content if isinstance(content, int) else len(content)
            archive.addfile(member, io.BytesIO(bytes(content) if isinstance(content, int) else content))
    return buffer.getvalue()


class Code:
    """An object whose pickle would write a file."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)
