from app.commands import parse


def test_it_reads_objects_and_nothing_else(_):
    assert parse(b'{"a": 1}') == {"a": 1}
    for payload in (
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"\xff\xfe",
        b'"x"',
        b"nul",
        b"-",
        b'{"a"',
        b"{}x",
        b"NaN",
    ):
        assert parse(payload) is None, payload


def test_a_deep_nest_is_not_even_parsed(_):
    assert parse(b"[" * 16_000) is None
    assert parse(b'{"a":' * 65 + b"1" + b"}" * 65) is None
    assert parse(b'{"a":' * 64 + b"1" + b"}" * 64) is not None


def test_large_numbers_are_only_numbers(_):
    assert parse(b'{"a": 1' + b"0" * 400 + b"}")["a"] == 10**400
