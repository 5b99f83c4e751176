import random

from app import packets
from helpers import raises


def test_it_encodes_lengths_as_the_standard_says(_):
    for number, raw in (
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16383, b"\xff\x7f"),
        (16384, b"\x80\x80\x01"),
    ):
        assert packets.varint(number) == raw
        assert packets.read_varint(raw, 0) == (number, len(raw))
    assert packets.varint(268_435_455) == b"\xff\xff\xff\x7f"


def test_it_refuses_a_length_that_is_cut_or_endless(_):
    assert raises(packets.BadPacket, packets.read_varint, b"\x80", 0)
    assert raises(packets.BadPacket, packets.read_varint, b"\x80\x80\x80\x80\x01", 0)


def test_it_says_hello_in_mqtt_5(_):
    raw = packets.connect(packets.V5, "id", "me", "pw", 30, "w", b"gone", 17408)
    properties = b"\x0a\x11\0\0\0\0\x27\0\0\x44\0"
    body = (
        b"\0\x04MQTT\x05\xee\0\x1e" + properties + b"\0\x02id" + b"\0" + b"\0\x01w\0\x04gone\0\x02me\0\x02pw"
    )
    assert raw == b"\x10" + bytes([len(body)]) + body, raw


def test_it_says_hello_in_mqtt_3(_):
    raw = packets.connect(packets.V311, "id", "me", "pw", 30, "w", b"gone", 17408)
    body = b"\0\x04MQTT\x04\xee\0\x1e\0\x02id\0\x01w\0\x04gone\0\x02me\0\x02pw"
    assert raw == b"\x10" + bytes([len(body)]) + body, raw


def test_it_reads_the_welcome(_):
    body = b"\0\0" + b"\x0d" + b"\x21\0\x14" + b"\x13\0\x3c" + b"\x26\0\x01a\0\x01b"
    assert packets.read_connack(packets.V5, body) == (0, {0x21: 20, 0x13: 60, 0x26: b"a"})
    assert packets.read_connack(packets.V311, b"\0\x05") == (5, {})


def test_it_refuses_properties_that_are_wrong(_):
    for raw in (b"\x05\x21\0", b"\x02\x21\0", b"\x01\x7f", b"\x03\x1f\0\x09"):
        assert raises(packets.BadPacket, packets.read_properties, raw, 0), raw


def test_it_reads_back_what_it_publishes(_):
    for version in (packets.V5, packets.V311):
        raw = packets.publish(version, "a/b", b"hello", 513, True)
        assert raw[0] == 0x33
        assert packets.read_publish(version, raw[0], raw[2:]) == ("a/b", b"hello", 513, True)


def test_it_reads_a_message_without_a_packet_id(_):
    assert packets.read_publish(packets.V311, 0x30, b"\0\x01ax") == ("a", b"x", None, False)
    assert packets.read_publish(packets.V5, 0x30, b"\0\x01a\x05\x02\0\0\0\x09x") == ("a", b"x", None, False)


def test_it_refuses_a_broken_message(_):
    for first, body in (
        (0x36, b"\0\x01a"),
        (0x32, b"\0\x01a\0"),
        (0x30, b"\0\x09a"),
        (0x30, b"\0\x01\xff\0"),
    ):
        assert raises(packets.BadPacket, packets.read_publish, packets.V5, first, body), body


def test_it_reads_acknowledgements(_):
    assert packets.puback(258) == b"\x40\x02\x01\x02"
    assert packets.read_ack(b"\x01\x02") == (258, 0)
    assert packets.read_ack(b"\x01\x02\x10\0") == (258, 0x10)
    assert packets.read_suback(packets.V311, b"\0\x07\x01") == (7, 1)
    assert packets.read_suback(packets.V5, b"\0\x07\0\x87") == (7, 0x87)
    assert raises(packets.BadPacket, packets.read_suback, packets.V5, b"\0\x07\0")


def test_no_bytes_raise_anything_else(_):
    random.seed(1)
    readers = (
        lambda raw: packets.read_publish(packets.V5, raw[0] if raw else 0x30, raw[1:]),
        lambda raw: packets.read_publish(packets.V311, 0x32, raw),
        lambda raw: packets.read_connack(packets.V5, raw),
        lambda raw: packets.read_suback(packets.V5, raw),
        packets.read_ack,
    )
    for _ in range(1000):
        raw = bytes(
            random.choice((0, 1, 2, 0x21, 0x26, 0x80, random.getrandbits(8)))
            for _ in range(random.randint(0, 9))
        )
        for reader in readers:
            try:
                reader(raw)
            except packets.BadPacket:
                pass


def test_it_subscribes_at_qos_1(_):
    assert packets.subscribe(packets.V5, "a/#", 7) == b"\x82\x09\0\x07\0\0\x03a/#\x01"
    assert packets.subscribe(packets.V311, "a/#", 7) == b"\x82\x08\0\x07\0\x03a/#\x01"
