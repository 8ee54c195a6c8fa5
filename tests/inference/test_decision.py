import pandas as pd

from medcnn.calibration.settings import Safeguards
from medcnn.inference.decision import Decision


def test_a_file_on_the_threshold_is_abnormal_and_one_without_a_number_is_neither():
    rows = pd.DataFrame({"p_abnormal": [0.3, 0.2999, None]})
    table, warnings = Decision(None, Safeguards(), 0.3).decide(rows, None)
    assert table["decision"].fillna("none").tolist() == ["abnormal", "normal", "none"]
    assert warnings == []
