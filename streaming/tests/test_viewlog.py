"""nginx's log of viewings, as it is appended to."""

from pathlib import Path
from uuid import UUID

from core.times import from_ms
from streaming.relay.viewlog import LARGEST, ViewLog

ONE, TWO = UUID(int=1), UUID(int=2)


def test_it_tells_the_newest_time_of_each(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"1795425600.123 {ONE.hex}\n1795425601.000 {TWO.hex}\n1795425602.500 {ONE.hex}\n")
    assert ViewLog(path).new() == {ONE: from_ms(1795425602500), TWO: from_ms(1795425601000)}


def test_a_line_that_is_half_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = ViewLog(path)
    assert log.new() == {}
    path.write_text(f"1795425600.123 {ONE.hex[:10]}")
    assert log.new() == {}
    with path.open("a") as more:
        more.write(f"{ONE.hex[10:]}\n")
    assert log.new() == {ONE: from_ms(1795425600123)}
    assert log.new() == {}


def test_other_words_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe\n- -\n1795425600.123 \n" + f"1795425600.123 {TWO.hex}\n".encode())
    assert ViewLog(path).new() == {TWO: from_ms(1795425600123)}


def test_a_long_log_is_cut_and_followed_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    line = f"1795425600.123 {ONE.hex}\n"
    log = ViewLog(path)
    with path.open("a") as nginx:
        nginx.write(line * (LARGEST // len(line) + 1))
        nginx.flush()
        log.new()
        assert path.stat().st_size == 0
        nginx.write(f"1795425699.000 {TWO.hex}\n")
    assert log.new() == {TWO: from_ms(1795425699000)}
