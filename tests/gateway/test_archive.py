"""Documents are kept whole, sealed where asked, and forgotten without a trace."""

import hashlib

import pytest

from gateway.archive import Archive
from gateway.errors import Halt
from gateway.event import Keys

BODY = b"CANARY" * 400_000  # over two pieces


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive", Keys(bytes(32)))


def kept(archive, tmp_path, body, *, encrypt):
    document = tmp_path / "document"
    document.write_bytes(body)
    sha256 = hashlib.sha256(body).digest()
    archive.keep(sha256, document, encrypt=encrypt)
    return sha256


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("body", [BODY, b"", b"x" * (1 << 20)])
def test_what_was_kept_is_read_back_and_can_be_forgotten(archive, tmp_path, body, encrypt):
    sha256 = kept(archive, tmp_path, body, encrypt=encrypt)
    archive.keep(sha256, tmp_path / "gone", encrypt=encrypt)  # the second time nothing happens
    with archive.open(sha256) as file:
        assert file.read() == body
    assert archive.forget(sha256)
    assert list((tmp_path / "archive").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        archive.open(sha256)


def test_a_sealed_document_shows_nothing(archive, tmp_path):
    kept(archive, tmp_path, BODY, encrypt=True)
    (file,) = (tmp_path / "archive").iterdir()
    assert b"CANARY" not in file.read_bytes()


@pytest.mark.parametrize("damage", [lambda b: b[:-40], lambda b: b[: (1 << 20) + 36], lambda b: b[:500] + b"!" + b[501:]])
def test_a_sealed_document_that_was_cut_or_changed_is_never_read_as_whole(archive, tmp_path, damage):
    sha256 = kept(archive, tmp_path, BODY, encrypt=True)
    (file,) = (tmp_path / "archive").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(Halt, match=r"archive\.damaged"), archive.open(sha256) as document:
        document.read()


def test_a_document_that_changed_meanwhile_is_not_kept(archive, tmp_path):
    (tmp_path / "document").write_bytes(b"new")
    with pytest.raises(Halt, match=r"archive\.changed"):
        archive.keep(hashlib.sha256(b"old").digest(), tmp_path / "document", encrypt=False)
    assert list((tmp_path / "archive").iterdir()) == []
