"""The calendar of peak events: the seed is whole, and what is wrong with a row is said with its line and field."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from orchestration.forecasting.demand.calendar import (
    COLUMNS,
    CalendarError,
    CalendarEvent,
    events_of,
    public_holidays,
    read_calendar,
    regressors,
)

GOOD = "singles_day,CN,2026-11-11,2026-11-11,0,7,sale,domain,2026-11-22"


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    return path


def test_the_seed_names_each_peak_of_each_year() -> None:
    calendar = read_calendar()
    days = {(event.event_code, event.market, event.starts_on.year): event.starts_on for event in calendar}
    assert days["black_friday", "US", 2026] == date(2026, 11, 27)
    assert days["black_friday", "GB", 2027] == date(2027, 11, 26)
    assert days["chinese_new_year_supply", "US", 2026] == date(2026, 2, 15)
    assert days["eid_al_fitr", "SA", 2026] == date(2026, 3, 20)
    assert days["buen_fin", "MX", 2024] == date(2024, 11, 15)
    assert {year for code, market, year in days if (code, market) == ("singles_day", "CN")} == set(range(2009, 2028))
    # What closes factories moves no buyers.
    assert "chinese_new_year_supply" not in {event.event_code for event in events_of(calendar, "US")}
    assert date(2026, 7, 4) in public_holidays("US", 2026, 2026)["Independence Day"]
    assert public_holidays("ZZ", 2026, 2026) == {}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GOOD.replace("2026-11-11,2026-11-11", "2026-11-11,11 November"), "ends_on: '11 November' is no date"),
        (GOOD.replace("2026-11-11,2026-11-11", "2026-11-12,2026-11-11"), "is before starts_on 2026-11-12"),
        (GOOD.replace(",0,7,", ",-1,7,"), "lead_days: '-1' is no whole number from 0 to 60"),
        (GOOD.replace("sale", "party"), "kind: 'party' is none of sale, holiday, supply"),
        (GOOD.replace("CN", "China"), "market: 'China' is no country"),
        (GOOD.replace("domain", ""), "source: empty"),
    ],
)
def test_a_broken_row_is_named_by_line_and_field(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(CalendarError) as error:
        read_calendar(written(tmp_path / "calendar.csv", GOOD.replace("2026", "2025"), row))
    assert "calendar.csv:3: " in str(error.value)
    assert words in str(error.value)


def test_an_event_cannot_begin_before_it_has_ended(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match="singles_day of CN begins on 2026-11-11, before the one of 2026-11-11"):
        read_calendar(written(tmp_path / "calendar.csv", GOOD, GOOD))
    (tmp_path / "short.csv").write_text("event_code,market\n")
    with pytest.raises(CalendarError, match="missing column"):
        read_calendar(tmp_path / "short.csv")


def test_an_event_rises_to_its_window_and_fades() -> None:
    event = CalendarEvent("ZZ", "fair", date(2026, 5, 10), date(2026, 5, 11), 3, 2, "sale")
    days = np.datetime64("2026-05-05") + np.arange(10)
    found = regressors((event,), "ZZ", days)
    shape = dict(zip(found.names, found.matrix.T, strict=True))
    assert shape["fair during"].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    assert shape["fair lead"].tolist() == [0, 0, 0.25, 0.5, 0.75, 0, 0, 0, 0, 0]
    assert shape["fair lag"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0]
