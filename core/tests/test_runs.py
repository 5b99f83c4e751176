from core.runs import runs_of


def test_a_row_is_cut_where_a_number_is_missing() -> None:
    assert list(runs_of([1, 2, 3, 7, 8, 10])) == [[1, 2, 3], [7, 8], [10]]


def test_an_empty_row_has_no_runs() -> None:
    assert list(runs_of([])) == []
