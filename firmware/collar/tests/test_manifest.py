import json

from app import manifest
from helpers import raises

FILE = {"path": "app/main.py", "size": 3, "sha256": "0" * 64}
# A modulus is enough where no signature is right.
KEYS = [(1 << 2047) + 1]


def whole(**more):
    return dict({"v": 1, "version": "1.1.0", "board": "b", "files": [FILE]}, **more)


def parsed(told, signed=True):
    """What becomes of a manifest that is taken for signed."""
    real, manifest.is_signed = manifest.is_signed, lambda *_: signed
    try:
        return manifest.parsed(json.dumps(told).encode(), b"", KEYS)
    except manifest.BadRelease as error:
        return str(error)
    finally:
        manifest.is_signed = real


def test_a_whole_manifest_is_read_and_an_unsigned_one_is_not(_):
    assert parsed(whole()) == whole()
    assert parsed(whole(), signed=False) == "bad_signature"


def test_a_signature_of_another_size_or_made_up_is_none(_):
    for signature in (b"", b"\0" * 255, b"\xff" * 256, b"\0" * 256):
        assert not manifest.is_signed(b"text", signature, KEYS)


def test_files_outside_the_program_are_refused(_):
    for path in ("main.py", "../app/x", "app/../x", "app/a/b", "/app/x", "data/device.json", 7):
        assert parsed(whole(files=[dict(FILE, path=path)])) == "bad_manifest", path


def test_sizes_and_fields_that_make_no_sense_are_refused(_):
    for told in (whole(files=[]), whole(version=1), whole(files=[7]), whole(files=[dict(FILE, size=-1)]), {"v": 1}):
        assert parsed(told) == "bad_manifest"
    assert parsed(whole(files=[dict(FILE, sha256="00")])) == "bad_manifest"


def test_another_board_and_an_older_version_do_not_fit(_):
    manifest.check_fit(whole(), "b", "1.1.0")
    manifest.check_fit(whole(allow_older=True), "b", "1.10.0")
    for board, version in (("c", "1.0.0"), ("b", "1.10.0")):
        assert raises(manifest.BadRelease, manifest.check_fit, whole(), board, version)
