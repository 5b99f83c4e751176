import asyncio
import os

from app import files
from app.treat import KEEP, WAITING, Ledger, Treats, valid_id
from helpers import Log, ManualClock


class Dispenser:
    """Counts its turns; `seen` is what flash knew of the command at that moment."""

    def __init__(self, folder, outcome="dispensed"):
        self._folder = folder
        self.outcome = outcome
        self.turns = []
        self.seen = []

    async def turn(self, id, portion):
        self.turns.append((id, portion))
        self.seen.append(files.read_json(self._folder + "/treats.json")["done"][-1][:2])
        await asyncio.sleep_ms(1)
        return self.outcome


class Bench:
    """The treat parts of a collar, with the answers it would send."""

    def __init__(self, folder, outcome="dispensed", treats=50, clock=None):
        self.clock = clock or ManualClock()
        self.answers = []
        self.dispenser = Dispenser(folder, outcome)
        self.ledger = Ledger(folder, treats, self.clock)
        self.treats = Treats(self.ledger, self.dispenser, self.clock, self.answer, Log())

    async def answer(self, id, result, entry):
        self.answers.append((id, result))

    def command(self, *commands):
        async def together():
            await asyncio.gather(*[self.treats.command(one) for one in commands])

        asyncio.run(together())


def treat(id="t1", portion=1, exp=1_795_425_600_001):
    return {"v": 1, "id": id, "portion": portion, "exp": exp}


def test_it_notes_the_id_before_the_motor_turns(folder):
    bench = Bench(folder)
    bench.command(treat(portion=3))
    assert bench.dispenser.turns == [("t1", 3)] and bench.dispenser.seen == [["t1", None]]
    assert bench.answers == [("t1", "accepted"), ("t1", "dispensed")]
    assert Ledger(folder, 50, bench.clock).left == 47


def test_the_same_id_again_only_repeats_the_result(folder):
    bench = Bench(folder, "jammed")
    bench.command(treat(), treat())
    bench.command(treat())
    again = Bench(folder)
    again.command(treat())
    assert len(bench.dispenser.turns) == 1 and again.dispenser.turns == []
    assert bench.answers == [("t1", "accepted"), ("t1", "jammed"), ("t1", "jammed")]
    assert again.answers == [("t1", "jammed")] and again.ledger.left == 50


def test_past_its_time_it_never_turns(folder):
    bench = Bench(folder)
    bench.command(treat(exp=1_795_425_599_999))
    assert bench.dispenser.turns == [] and bench.answers == [("t1", "expired")]


def test_a_command_that_expires_while_it_waits_does_not_turn(folder):
    bench = Bench(folder)

    async def slow(id, portion):
        bench.clock.uptime += 10_000
        return "dispensed"

    bench.dispenser.turn = slow
    bench.command(treat("t1"), treat("t2"))
    assert bench.answers[-2:] == [("t1", "dispensed"), ("t2", "expired")]


def test_without_a_clock_it_does_not_turn(folder):
    bench = Bench(folder, clock=ManualClock(None))
    bench.command(treat())
    assert bench.dispenser.turns == [] and bench.answers == [("t1", "failed")]


def test_a_power_cut_while_the_motor_turned_is_answered_failed(folder):
    Bench(folder).ledger.note("t1")
    bench = Bench(folder)
    bench.command(treat())
    assert bench.dispenser.turns == [] and bench.answers == [("t1", "failed")]


def test_garbage_turns_nothing(folder):
    bench = Bench(folder)
    for told in ({}, {"id": 7}, {"id": ""}, {"id": "x" * 65}, {"id": None}, {"id": []}):
        bench.command(told)
    assert bench.answers == []
    for portion in (0, 6, -1, 1.5, "1", None, True, 10**30):
        bench.command(treat("a", portion=portion))
    for exp in (None, "soon", 1.5):
        bench.command(treat("b", exp=exp))
    assert bench.dispenser.turns == [] and {result for _, result in bench.answers} == {"unsupported"}


def test_the_last_ids_survive_a_power_cut(folder):
    bench = Bench(folder, treats=100)
    for number in range(KEEP + 3):
        bench.command(treat("t%d" % number))
    again = Bench(folder)
    assert again.ledger.find("t2") is None
    for number in range(3, KEEP + 3):
        assert again.ledger.find("t%d" % number).result == "dispensed"
    assert again.ledger.left == 100 - KEEP - 3


def test_a_write_that_was_cut_leaves_the_old_state(folder):
    Bench(folder).command(treat())
    with open(folder + "/treats.json.tmp", "w") as file:
        file.write('{"left": 1, "do')
    bench = Bench(folder)
    assert bench.ledger.find("t1").result == "dispensed" and bench.ledger.left == 49


def test_a_spoiled_file_does_not_stop_the_collar(folder):
    for text in ("", "[]", '{"left": "x", "done": [[1,2,3,4,5,6]]}', '{"done": 7}', '{"done": [7]}'):
        with open(folder + "/treats.json", "w") as file:
            file.write(text)
        assert Ledger(folder, 50, ManualClock()).left == 50, text


def test_what_cannot_be_noted_does_not_turn(folder):
    bench = Bench(folder + "/missing")
    bench.command(treat())
    assert bench.dispenser.turns == [] and bench.answers == [("t1", "failed")]
    assert bench.ledger.find("t1") is None


def test_a_result_that_cannot_be_noted_is_told_all_the_same(folder):
    bench = Bench(folder)

    async def turn(id, portion):
        files.remove(folder + "/treats.json")
        os.mkdir(folder + "/treats.json")
        return "dispensed"

    bench.dispenser.turn = turn
    bench.command(treat())
    bench.command(treat())
    assert bench.answers == [("t1", "accepted"), ("t1", "dispensed"), ("t1", "dispensed")]


def test_it_turns_one_after_the_other_and_refuses_a_flood(folder):
    bench = Bench(folder)
    bench.command(*[treat("t%d" % number) for number in range(20)])
    results = [result for _, result in bench.answers if result != "accepted"]
    assert len(bench.dispenser.turns) == results.count("dispensed") == WAITING
    assert results.count("failed") == 20 - WAITING


def test_what_is_unconfirmed_or_young_is_told_again(folder):
    bench = Bench(folder)
    bench.command(treat())
    bench.answers.clear()
    bench.clock.uptime += 10 * 60_000
    asyncio.run(bench.treats.repeat_results())
    assert bench.answers == [("t1", "dispensed")]
    bench.ledger.confirm(bench.ledger.find("t1"))
    assert Bench(folder, clock=bench.clock).ledger.doubtful() == []


def test_an_empty_container_is_empty(folder):
    bench = Bench(folder, "empty", treats=3)
    bench.command(treat())
    assert bench.ledger.left == 0 and bench.answers[-1] == ("t1", "empty")


def test_an_id_is_plain_text(folder):
    for id in ("a", "01a20bdf-e232-74a6-9566-4c18b3af262d", "~" * 64):
        assert valid_id(id)
    for id in ("", "~" * 65, "\ud800", "\u00e9", "a b", "\n", 7, None, []):
        assert not valid_id(id)
