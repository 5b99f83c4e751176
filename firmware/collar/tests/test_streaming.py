from app import rtmp, video
from helpers import raises

START = {
    "host": "x", "app": "collar", "name": "n", "key": "k", "port": 1936, "lease_s": 30, "width": 640, "height": 480,
    "fps": 5,
}  # fmt: skip


def test_a_header_has_time_size_kind_and_stream_as_the_protocol_wants_them(_):
    assert rtmp.header(6, 9, 0x010203, 0x0A0B0C, 1) == b"\x06\x0a\x0b\x0c\x01\x02\x03\x09\x01\0\0\0"


def test_after_four_hours_the_time_moves_behind_the_header(_):
    assert rtmp.header(6, 9, 1, 0xFFFFFF) == b"\x06\xff\xff\xff\0\0\x01\x09\0\0\0\0\0\xff\xff\xff"
    assert rtmp.header(6, 9, 1, 0x01000000)[-4:] == b"\x01\0\0\0"


def test_too_few_pictures_step_down_and_a_good_while_steps_up_again(_):
    assert video.next_step(0, 3, 0.5) == (1, 0)
    step, good = 2, 0
    for _ in range(video.GOOD_LOOKS):
        step, good = video.next_step(step, good, 1.0)
    assert (step, good) == (1, 0)


def test_the_ladder_has_two_ends(_):
    last = len(video.LADDER) - 1
    assert video.next_step(last, 0, 0.0) == (last, 0)
    assert video.next_step(0, 99, 1.0)[0] == 0


def test_a_command_with_a_field_out_of_range_is_refused_by_its_name(_):
    assert video.checked(START) is START
    for field, value in (("port", 0), ("fps", 16), ("lease_s", "30"), ("key", ""), ("width", 1601), ("height", None)):
        try:
            video.checked(dict(START, **{field: value}))
        except video.BadStream as error:
            assert str(error) == field
        else:
            assert False, field
    assert raises(video.BadStream, video.checked, {})
