import header_words
import pytest

from medcnn.io import words

TEXTS = (
    "",
    "PA",
    "postero-anterior",
    "AP_SUPINE",
    "LL",
    "RLO",
    "Costal",
    "UNK",
    "W Chest Lat.",
    "L",
)


@pytest.mark.each("text", TEXTS)
def test_a_view_is_called_as_medcnn_calls_it(text):
    assert header_words.view_name(text) == words.view_name(text)


@pytest.mark.parametrize("text", ["Port Chest", "THORAX_PA", "", "TRIBUNE", "HAND", "胸部"])
def test_a_body_part_is_the_chest_where_medcnn_says_so(text):
    assert header_words.is_chest(text) == words.is_chest(text)


def test_the_tables_are_medcnn_s():
    assert header_words.VIEWS == words._VIEWS
    assert header_words.CODES == words._CODES
    assert header_words.CHEST.pattern == words._CHEST.pattern
    assert set(header_words.RADIOGRAPHY) == {*words.RADIOGRAPHY, *words.UNSPECIFIC}
