"""Notes of many images, counted by kind."""

from medcnn.io.notes import KINDS, Note, count_kinds


def test_images_are_counted_once_a_kind_and_in_the_order_of_the_table():
    window, raw = Note("window", "a"), Note("raw", "b")
    # What went through JSON is a list.
    notes = [[window, window], [raw, window], [], [["raw", "b"]]]
    assert list(count_kinds(notes).items()) == [("raw", 2), ("window", 2)]


def test_each_kind_has_words_that_follow_a_count():
    for kind in KINDS.values():
        assert kind.sentence[:1] != " "
        assert not kind.sentence.endswith(".")
        assert kind.remedy
