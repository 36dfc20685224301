"""Bars of uptime, and the line on them."""

from markupsafe import Markup

from openhours.web.bars import uptime_bar, uptime_line


def test_a_bar_is_as_long_as_the_uptime() -> None:
    bar = uptime_bar(up=1, whole=3, known=True)
    assert isinstance(bar, Markup)
    assert '<rect class="down" width="100" height="6"/>' in bar
    assert '<rect class="up" width="33.33" height="6"/>' in bar


def test_a_bar_of_nothing_known_or_nothing_open_is_grey() -> None:
    for bar in (uptime_bar(up=1, whole=3, known=False), uptime_bar(up=0, whole=0, known=True)):
        assert 'class="none"' in bar
        assert 'class="up"' not in bar


def test_a_line_leads_from_the_lowest_to_the_highest_uptime() -> None:
    assert 'd="M25.00 2v10M25.00 7H50.00M50.00 2v10"' in uptime_line(low=1, high=2, whole=4)


def test_there_is_no_line_where_there_is_no_interval() -> None:
    for low, high, whole in ((None, None, 4), (4, 4, 4), (0, 0, 0)):
        assert uptime_line(low, high, whole) == ""
