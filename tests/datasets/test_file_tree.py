"""Files by their names: the same of a folder and of an archive, and that no archive leads out of itself."""

import io
import os
import tarfile

import pytest

from hauberk.datasets.file_tree import open_tree
from hauberk.errors import InputError

FILES = {"b/x/1": b"one", "a/x/2": b"two", "a b/x/1": b"three", "a/top": b"four"}


def pack(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(params=["folder", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def path(request, tmp_path):
    if request.param != "folder":
        return pack(tmp_path / f"data.{request.param}", FILES, "w" + request.param.replace("tar", "").replace(".", ":"))
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_lists_names_of_one_depth_in_order(path):
    assert open_tree(path).names(3) == ["a/x/2", "a b/x/1", "b/x/1"]
    assert open_tree(path).names(2) == ["a/top"]


def test_reads_the_files_that_exist(path):
    found = dict(open_tree(path).read(["b/x/1", "a/top", "absent"], largest=4))
    assert found == {"b/x/1": b"one", "a/top": b"four"}


def test_refuses_large_files(path):
    with pytest.raises(InputError, match=r"a/top has 4 bytes, but no such file has more than 3"):
        dict(open_tree(path).read(["a/top"], largest=3))


def test_names_of_archives_are_brought_to_one_form(tmp_path):
    tree = open_tree(pack(tmp_path / "data.tar", {"./a/x/1": b"one"}))
    assert tree.names(3) == ["a/x/1"]
    assert dict(tree.read(["a/x/1"], largest=9)) == {"a/x/1": b"one"}


def test_follows_links_of_a_folder(tmp_path):
    (tmp_path / "elsewhere" / "x").mkdir(parents=True)
    (tmp_path / "elsewhere" / "x" / "1").write_bytes(b"one")
    (tmp_path / "data").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "a", target_is_directory=True)
    assert dict(open_tree(tmp_path / "data").read(["a/x/1"], largest=9)) == {"a/x/1": b"one"}
    assert open_tree(tmp_path / "data").names(3) == ["a/x/1"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x"])
def test_refuses_names_that_lead_out(tmp_path, name):
    tree = open_tree(pack(tmp_path / "data.tar", FILES | {name: b""}))
    for use in (lambda: tree.names(3), lambda: dict(tree.read(FILES, largest=9))):
        with pytest.raises(InputError, match=rf"data\.tar: {name} is a link, a device or leads out"):
            use()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_refuses_links_and_devices(tmp_path, kind):
    with tarfile.open(tmp_path / "data.tar", "w") as archive:
        member = tarfile.TarInfo("a/x/link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(InputError, match=r"data\.tar: a/x/link is a link, a device"):
        open_tree(tmp_path / "data.tar").names(3)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_refuses_archives_cut_short(tmp_path, mode):
    whole = pack(tmp_path / "data", {"a/x/1": os.urandom(20_000)}, mode).read_bytes()
    (tmp_path / "data").write_bytes(whole[:9_000])
    with pytest.raises(InputError, match=r"data.* cannot be read"):
        dict(open_tree(tmp_path / "data").read(["a/x/1"], largest=20_000))


def test_refuses_what_is_no_tree(tmp_path):
    (tmp_path / "text").write_text("<html>not found</html>")
    with pytest.raises(InputError, match="text cannot be read as a tar archive"):
        open_tree(tmp_path / "text").names(3)
    with pytest.raises(InputError, match="absent is neither a folder nor a tar archive"):
        open_tree(tmp_path / "absent")


def test_names_the_file_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError("permission denied")

    (tmp_path / "x").write_bytes(b"")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(InputError, match="x cannot be read"):
        dict(open_tree(tmp_path).read(["x"], largest=9))
