import os

from app import amf
from helpers import raises


def test_what_is_encoded_comes_back(_):
    values = [1, "Grüße", True, None, {"app": "collar", "n": 2.5}]
    assert amf.decode(amf.encode(*values)) == values


def test_the_bytes_are_those_of_the_specification(_):
    assert amf.encode("a", 1, False) == b"\x02\x00\x01a\x00\x3f\xf0\0\0\0\0\0\0\x01\x00"


def test_a_list_with_names_is_an_object(_):
    assert amf.decode(b"\x08\0\0\0\x63\0\x01a\x05\0\0\x09") == [{"a": None}]


def test_what_is_cut_off_or_too_deep_is_refused(_):
    whole = amf.encode("text", {"a": "b"})
    for size in range(len(whole)):
        if size not in (0, len(amf.encode("text"))):
            assert raises(ValueError, amf.decode, whole[:size]), size
    assert raises(ValueError, amf.decode, b"\x03\0\x01a" * 9)


def test_noise_raises_nothing_else(_):
    for _ in range(500):
        try:
            amf.decode(os.urandom(24))
        except ValueError:
            pass
