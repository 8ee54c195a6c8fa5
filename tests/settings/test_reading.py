from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from medcnn.errors import ConfigError, DataError
from medcnn.settings.fields import Component, inline, setting
from medcnn.settings.reading import as_plain, expected, read


@dataclass(frozen=True)
class Wheel(Component):
    size: int = setting(20, "inches", low=10, high=29)
    tubes: tuple[str, ...] = setting((), "of rubber")


@dataclass(frozen=True)
class Light:
    lamp: Literal["led", "bulb"] = setting("led", "what shines")
    power: float | None = setting(None, "in watts", above=0, high=10)


@dataclass(frozen=True)
class Lit:
    light: Light = inline(Light())


@dataclass(frozen=True)
class Bike:
    name: str = setting("mine", "of the bike")
    gears: Literal["auto"] | int = setting("auto", "how many", low=1, high=30)
    bells: bool = setting(False, "whether it rings")
    riders: tuple[str, ...] = setting((), "who rides it")
    kept: Path | None = setting(None, "where it stands")
    seller: str | None = setting(None, "who had it", address=True)
    lit: Lit = inline(Lit())
    wheel: Wheel = setting(Wheel(), "what turns")
    loads: Mapping[str, float] = setting({}, "by bag", low=0)
    rear: Light = setting(Light(lamp="bulb"), "behind")
    more: Mapping[str, Any] = setting({}, "whatever else", rest=True)


FULL = {
    "name": "mine",
    "gears": "auto",
    "bells": False,
    "riders": [],
    "kept": None,
    "seller": None,
    "lamp": "led",
    "power": None,
    "wheel": {"_target_": "shop.Wheel", "size": 20, "spokes": 32},
    "loads": {"left": 2},
    "rear": {"lamp": "bulb", "power": 1.5},
}


def test_plain_values_go_into_the_tree_and_come_back():
    bike = read(Bike, FULL)
    assert bike.lit.light == Light("led", None)
    assert (bike.wheel.target, bike.wheel.size) == ("shop.Wheel", 20)
    assert bike.wheel.arguments == {"size": 20, "spokes": 32}
    assert as_plain(bike) == FULL
    assert list(as_plain(bike)) == list(FULL)


@pytest.mark.each(
    ("key", "value", "text"),
    [
        ("gears", 31, r"gears cannot be 31(.|\n)*auto or a whole number from 1 to 30"),
        ("gears", True, "gears cannot be True"),
        ("gears", 2.0, r"2\.0 \(float\)"),
        ("bells", 1, r"bells cannot be 1(.|\n)*true or false"),
        ("name", None, r"name cannot be None(.|\n)*a word"),
        ("name", ["a"], "name cannot be"),
        ("lamp", "lde", r"lamp cannot be 'lde'(.|\n)*did you mean lamp=led"),
        ("power", 0, r"power cannot be 0(.|\n)*null or a number above 0 to 10"),
        ("power", float("nan"), "power cannot be nan"),
        ("kept", "", r"kept cannot be ''(.|\n)*null or a path"),
        ("riders", [True], r"riders cannot be \[True\](.|\n)*a list, each of it a word"),
        ("loads", {"left": -1}, "loads cannot be"),
        ("loads", 3, "loads cannot be 3"),
        ("rear", "lamp", "rear has to be one of the rear options"),
        ("rear", {"lamp": "candle", "power": 1}, r"rear\.lamp cannot be 'candle'"),
        ("rear", {"lamp": "led"}, r"has no rear\.power"),
        ("rear", {"lamp": "led", "power": 1, "lmp": 2}, r"no key 'rear\.lmp'(.|\n)*'rear\.lamp'"),
        ("wheel", {"_target_": "shop.Wheel", "size": 5}, r"wheel\.size cannot be 5"),
        ("wheel", None, "wheel has to be one of the wheel options"),
    ],
)
def test_a_wrong_value_is_told_by_its_key(key, value, text):
    with pytest.raises(ConfigError, match=text):
        read(Bike, {**FULL, key: value})


@pytest.mark.parametrize(
    ("key", "value"), [("name", "s3://a/b"), ("kept", "s3://a/b"), ("riders", ["x", "s3://a/b"])]
)
def test_a_place_has_to_be_mounted_where_no_address_is_meant(key, value):
    with pytest.raises(DataError, match=rf"{key} is no path of this machine(.|\n)*mount it"):
        read(Bike, {**FULL, key: value})
    assert read(Bike, {**FULL, "seller": "https://a/b"}).seller == "https://a/b"


@pytest.mark.parametrize(
    ("value", "riders"),
    [("ann", ("ann",)), (["ann", 7], ("ann", "7")), ("", ()), (None, ()), (7, ("7",))],
)
def test_where_a_list_is_meant_one_word_is_a_list_of_one(value, riders):
    assert read(Bike, {**FULL, "riders": value}).riders == riders
    wheel = read(Bike, {**FULL, "wheel": {"_target_": "shop.Wheel", "tubes": "one"}}).wheel
    assert (wheel.tubes, wheel.arguments) == (("one",), {"tubes": ["one"]})


def test_a_key_that_is_missing_is_named_unless_another_version_may_have_written_it():
    given = {key: value for key, value in FULL.items() if key not in ("gears", "lamp", "rear")}
    with pytest.raises(ConfigError, match=r"has no gears(.|\n)*another version"):
        read(Bike, given)
    found = read(Bike, {**given, "rear": {"power": 3}}, lenient=True)
    assert (found.gears, found.lit.light, found.rear) == ("auto", Light(), Light("bulb", 3))
    with pytest.raises(ConfigError, match="gears cannot be 'many'"):
        read(Bike, {"gears": "many"}, lenient=True)


def test_what_has_no_field_goes_where_the_rest_is_taken_or_is_refused():
    assert read(Bike, {**FULL, "basket": 1}).more == {"basket": 1}
    assert as_plain(read(Bike, {**FULL, "basket": 1}))["basket"] == 1
    with pytest.raises(ConfigError, match=r"no key 'lampe'(.|\n)*did you mean 'lamp'"):
        read(Light, {"lamp": "led", "power": None, "lampe": "led"})


def test_a_component_is_built_with_what_it_was_given_and_more():
    made = Component("fractions.Fraction", {"numerator": 3}).build(denominator=4)
    assert (made.numerator, made.denominator) == (3, 4)
    wheel = Wheel("shop.Wheel", {"size": 20, "spokes": 32}).changed(size=26, spokes=36)
    assert (wheel.size, wheel.arguments) == (26, {"size": 26, "spokes": 36})
    assert wheel.without("size").arguments == {"spokes": 36}
    assert wheel and not Component()


def test_home_is_found_in_a_path():
    assert read(Bike, {**FULL, "kept": "~/shed"}).kept == Path.home() / "shed"


def test_expectations_are_put_in_words():
    from medcnn.settings.fields import Meaning

    assert expected(float, Meaning(above=0, below=1)) == "a number between 0 and 1"
    assert expected(bool | Literal["warn"], Meaning()) == "warn or true or false"
