import json
import os

from app.buffer import BATCH_SAMPLES, RETRY_MS, WINDOW, Buffer
from app.telemetry import sample_text
from helpers import Log

ACTIVITY = {"sd_mg": 2120, "odba_mg": 1400, "active_s": 3600, "steps": 9999}


def sample(seq):
    return sample_text(seq, 1_795_425_600_000 + seq, (-16000, -15999, 12345), 1000, ACTIVITY)


def make(folder, boot="aaaaaaaa", **options):
    log = Log()
    return Buffer(folder, boot, log, **options), log


def fill(buffer, count, first=1):
    for seq in range(first, first + count):
        assert buffer.add(sample(seq))


def seqs(buffer, batch):
    return [one["seq"] for one in json.loads(buffer.message(batch))["samples"]]


def drain(buffer, now=0):
    """Send and acknowledge everything. [(boot, batch, [seq, ...]), ...]"""
    found = []
    while True:
        batch = buffer.due(now)
        if batch is None:
            return found
        found.append((batch.boot, batch.number, seqs(buffer, batch)))
        buffer.sent(batch, now)
        assert buffer.acknowledged(batch.boot, batch.number)


def spoil(folder, change):
    """Change the bytes of the newest file."""
    name = folder + "/outbox/" + max(os.listdir(folder + "/outbox"))
    with open(name, "rb") as file:
        raw = file.read()
    with open(name, "wb") as file:
        file.write(change(raw))


def test_it_makes_the_message_of_the_contract(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    message = json.loads(buffer.message(buffer.due(0)))
    assert (message["v"], message["boot"], message["batch"], message["ack"]) == (1, "aaaaaaaa", 1, True)
    one = message["samples"][0]
    assert one["ts"] == 1_795_425_600_001 and one["activity"] == ACTIVITY
    assert (one["accel_x"], one["accel_y"], one["accel_z"]) == (-16.0, -15.999, 12.345)
    assert one["battery_level"] == 100.0


def test_a_batch_never_changes_once_it_is_due(folder):
    buffer, _ = make(folder)
    fill(buffer, 2)
    batch = buffer.due(0)
    before = bytes(buffer.message(batch))
    fill(buffer, 3, first=3)
    assert bytes(buffer.message(batch)) == before
    buffer.sent(batch, 0)
    assert seqs(buffer, buffer.due(0)) == [3, 4, 5]


def test_it_keeps_a_batch_until_its_own_acknowledgement(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    buffer.sent(buffer.due(0), 0)
    assert not buffer.acknowledged("bbbbbbbb", 1)
    assert not buffer.acknowledged("aaaaaaaa", 2)
    assert len(buffer) == 1
    assert buffer.acknowledged("aaaaaaaa", 1)
    assert len(buffer) == 0 and os.listdir(folder + "/outbox") == []


def test_an_acknowledgement_of_the_open_batch_deletes_nothing(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    assert not buffer.acknowledged("aaaaaaaa", 1)
    assert len(buffer) == 1


def test_it_sends_again_after_a_time_that_doubles(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    batch = buffer.due(0)
    buffer.sent(batch, 0)
    assert buffer.due(RETRY_MS - 1) is None and buffer.next_due_ms(RETRY_MS - 1) == 1
    assert buffer.due(RETRY_MS) is batch
    buffer.sent(batch, RETRY_MS)
    assert buffer.due(3 * RETRY_MS - 1) is None
    assert buffer.due(3 * RETRY_MS) is batch


def test_it_sends_again_soon_if_nobody_listened(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    batch = buffer.due(0)
    buffer.sent(batch, 0, heard=False)
    assert buffer.due(1000) is batch


def test_it_sends_everything_again_after_a_reconnect(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    batch = buffer.due(0)
    buffer.sent(batch, 0)
    buffer.forget_sending()
    assert buffer.due(1) is batch


def test_without_answers_samples_gather_in_one_batch(folder):
    buffer, _ = make(folder)
    for seq in range(1, 20):
        fill(buffer, 1, first=seq)
        batch = buffer.due(0)
        if batch:
            buffer.sent(batch, 0)
    assert len(buffer) == WINDOW + 1
    assert buffer.acknowledged("aaaaaaaa", 1)
    assert seqs(buffer, buffer.due(0)) == list(range(5, 20))


def test_a_full_batch_fits_a_message(folder):
    buffer, _ = make(folder)
    fill(buffer, 250)
    sizes = []
    for batch in list(buffer._batches):
        message = buffer.message(batch)
        sizes.append(len(json.loads(message)["samples"]))
        assert len(message) <= 16_384
    assert sum(sizes) == 250 and max(sizes) <= BATCH_SAMPLES and len(sizes) == 3


def test_a_reboot_goes_on_under_the_old_boot(folder):
    buffer, _ = make(folder)
    fill(buffer, 1)
    first = buffer.due(0)
    before = bytes(buffer.message(first))
    buffer.sent(first, 0)
    fill(buffer, 2, first=2)
    buffer, _ = make(folder, "bbbbbbbb")
    fill(buffer, 1)
    assert bytes(buffer.message(buffer.due(0))) == before
    assert drain(buffer) == [("aaaaaaaa", 1, [1]), ("aaaaaaaa", 2, [2, 3]), ("bbbbbbbb", 1, [1])]


def test_a_line_cut_anywhere_costs_that_sample_only(folder):
    buffer, _ = make(folder)
    fill(buffer, 3)
    size = len(sample(3)) + 10
    for cut in (1, 2, 20, size - 1, size):
        spoil(folder, lambda raw: raw[:-cut])
        found = drain(make(folder, "bbbbbbbb")[0])
        assert found == [("aaaaaaaa", 1, [1, 2])], (cut, found)
        buffer, _ = make(folder)
        fill(buffer, 3)


def test_a_changed_byte_costs_that_sample_only(folder):
    buffer, _ = make(folder)
    fill(buffer, 3)
    spoil(folder, lambda raw: raw[:300] + bytes([raw[300] ^ 1]) + raw[301:])
    assert drain(make(folder, "bbbbbbbb")[0]) == [("aaaaaaaa", 1, [1, 3])]


def test_a_file_of_zeros_is_dropped_with_a_word(folder):
    buffer, _ = make(folder)
    fill(buffer, 2)
    spoil(folder, lambda raw: bytes(len(raw)))
    buffer, log = make(folder, "bbbbbbbb")
    assert buffer.message(buffer.due(0)) is None
    assert len(buffer) == 0 and log.names() == ["batch_unreadable"]


def test_an_empty_file_and_a_foreign_one_do_no_harm(folder):
    os.mkdir(folder + "/outbox")
    open(folder + "/outbox/00000001-aaaaaaaa-1", "w").close()
    open(folder + "/outbox/notes.txt", "w").close()
    buffer, _ = make(folder, "bbbbbbbb")
    assert buffer.message(buffer.due(0)) is None
    fill(buffer, 1)
    assert drain(buffer) == [("bbbbbbbb", 1, [1])]


def test_when_full_the_oldest_goes_and_the_log_says_so(folder):
    buffer, log = make(folder, keep_bytes=40_000)
    fill(buffer, 300)
    left = [seq for _, _, some in drain(buffer) for seq in some]
    assert left[-1] == 300 and left == list(range(left[0], 301)) and left[0] > 1
    assert set(log.names()) == {"samples_dropped"}


def test_a_flash_that_refuses_costs_samples_and_no_more(folder):
    buffer, log = make(folder)
    fill(buffer, 1)
    buffer.due(0)
    os.rename(folder + "/outbox", folder + "/away")
    assert not any(buffer.add(sample(seq)) for seq in range(2, 10))
    assert len(buffer) == 1 and set(log.names()) == {"flash_failed"}
    os.rename(folder + "/away", folder + "/outbox")
    fill(buffer, 1, first=10)
    assert [some for _, _, some in drain(buffer)] == [[1], [10]]


def test_it_finds_the_newest_sample(folder):
    assert make(folder)[0].newest() == (None, None)
    buffer, _ = make(folder)
    fill(buffer, 3)
    text, batch = make(folder, "bbbbbbbb")[0].newest()
    assert text == sample(3) and batch.boot == "aaaaaaaa"
