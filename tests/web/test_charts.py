"""Charts: what they show to the eye and in words."""

from web.charts import HEIGHT, Bar, bars


def test_a_chart_has_a_bar_for_each_entry_and_says_everything_in_words() -> None:
    chart = bars([Bar(10, "good", "1.0 took 10 s"), Bar(5, "bad", "<b>")], 'Two "deployments"')
    assert chart.count("<rect") == 2
    assert 'aria-label="Two &#34;deployments&#34;"' in chart
    assert "<title>1.0 took 10 s</title>" in chart
    assert "<title>&lt;b&gt;</title>" in chart
    assert "✕" in chart
    assert "style=" not in chart


def test_bars_stay_within_the_drawing_even_without_any_size() -> None:
    chart = bars([Bar(0, "run", "")] * 500, "none")
    assert f'viewBox="0 0 720 {HEIGHT}"' in chart
    assert "nan" not in chart
    assert bars([], "empty").count("<rect") == 0
