from medcnn.console import say, warn


def test_what_a_user_gave_is_printed_as_it_is(capfd):
    text = "data.sources=[nih,rsna] " + "/a/long/folder" * 20
    say(text)
    assert capfd.readouterr().out == text + "\n"


def test_warnings_go_to_stderr(capfd):
    warn("[red] is no colour here")
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == "warning: [red] is no colour here\n"
