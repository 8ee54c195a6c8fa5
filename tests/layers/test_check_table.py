from medcnn.layers import render_table

ROW = {
    "layer": "own.Layer",
    "reference": "none: finite differences only",
    "max_forward_error": None,
    "max_gradient_error": None,
    "gradcheck": True,
    "gradgradcheck": None,
    "speed_ratio": None,
}


def test_a_row_says_in_words_what_was_found():
    passed = {**ROW, "gradgradcheck": True, "max_forward_error": 2e-16, "speed_ratio": 1.234}
    table = render_table(
        [{**ROW, "layer": "fractional_max_pool2d"}, ROW, {**ROW, "gradcheck": False}, passed]
    )
    own, failed, right = (line for line in table.splitlines() if "own.Layer" in line)
    assert own.split("│")[5:7] == ["       yes ", "     once only "]
    assert "fractional_max_pool2d" in table, "a name is never cut short"
    assert "NO" in failed
    assert "2.0e-16" in right
    assert "1.23" in right
    assert all(len(line) <= 120 for line in table.splitlines())
