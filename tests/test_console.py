from medcnn.console import folded, say, warn


def test_what_a_user_gave_is_printed_as_it_is(capfd):
    text = "data.sources=[nih,rsna] " + "/a/long/folder" * 20
    say(text)
    assert capfd.readouterr().out == text + "\n"


def test_warnings_go_to_stderr(capfd):
    warn("[red] is no colour here")
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == "warning: [red] is no colour here\n"


def test_a_narrow_terminal_breaks_between_words_below_the_text():
    text = "warning      Only 7 normal cases on val: read the intervals, not the values."
    lines = folded(text, 40).splitlines()
    assert " ".join(line.strip() for line in lines) == text
    assert max(map(len, lines)) <= 40
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 13, 13]


def test_what_is_there_to_be_copied_stays_whole():
    path = "/a/folder-of-reports/" * 5
    assert folded(f"report       {path}", 40).split() == ["report", path]
    assert folded("", 40) == ""
