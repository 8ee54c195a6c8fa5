import pytest
from markupsafe import Markup

from medcnn.reporting.glossary import explain, glossary
from medcnn.reporting.wording import LANGUAGES, Wording


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_explained_where_it_stands(language):
    words = Wording(language)
    for term, meaning in glossary(words):
        shown = explain(f"a {term}, b", words)
        assert shown == Markup('a <abbr title="{}">{}</abbr>, b').format(meaning, term)


def test_a_term_is_explained_once_and_the_longest_wins():
    shown = explain("Partial AUROC and AUROC and AUROC <b>", Wording())
    assert shown.count("<abbr") == 2
    assert '">Partial AUROC</abbr>' in shown
    assert shown.endswith("and AUROC &lt;b&gt;")


def test_what_is_no_term_and_what_is_markup_stay_as_they_are():
    assert explain("Wilsons", Wording()) == "Wilsons"
    marked = Markup('<span lang="en">AUROC</span>')
    assert explain(marked, Wording("de")) == marked
