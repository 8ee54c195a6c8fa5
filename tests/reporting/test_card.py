from dataclasses import replace

from medcnn.evaluation.parts import Unit
from medcnn.predictions import read_predictions
from medcnn.reporting.card import model_card
from medcnn.reporting.contents import from_predictions, read_run
from medcnn.reporting.wording import Wording


def test_the_card_is_filled_from_the_run(built_run):
    contents = read_run(built_run)
    contents.environment["test_looks"] = 3
    card = dict(model_card(contents, Wording("en")))
    assert "Architecture: resnet18." in card["Model"]
    assert "Initial weights: requested auto, loaded none. random" in card["Model"]
    assert any(line.startswith("training: ") for line in card["Data"])
    assert card["Performance"][0].startswith("Sensitivity 9")
    assert "The test split was looked at 3 times." in card["Limitations"]
    assert any("Warnings in this report" in line for line in card["Limitations"])


def test_what_is_unknown_is_said_to_be(built_run):
    table = read_predictions(built_run.predictions("test"))
    results = replace(read_run(built_run).results, unit=Unit("patient", "mean", 300), subgroups=())
    card = dict(model_card(from_predictions(table, results, "x"), Wording("de")))
    assert card["Modell"][0] == "Architektur: nicht aufgezeichnet."
    assert "Patienten von" in card["Daten"][1]
    assert any("Keine Untergruppen" in line for line in card["Einschränkungen"])
