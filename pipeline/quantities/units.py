"""Units of measure and currencies: what each is called in either language, its dimension and its size.

Sizes are exact (SI, the international yard and pound); `tạ`, `yến` and `lạng` are the metric ones of today's markets.
Conversions between dimensions, and between currencies, are not handled.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pipeline.quantities.patterns import any_of


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: what it measures, how many of the dimension's first unit it is, and whether it is an imperial one."""

    name: str  # as English writes it behind a number; for money the currency's code
    dimension: str  # "money" for a currency
    size: Fraction = Fraction(1)
    imperial: bool = False


# name | dimension | size, i for imperial | Vietnamese names | English names
_TABLE: Final = """
seconds | time | 1 | giây | second, seconds, sec, secs
minutes | time | 60 | phút | minute, minutes, min, mins
hours | time | 3600 | giờ đồng hồ, tiếng đồng hồ, tiếng, giờ, h | hour, hours, hr, hrs, h
days | time | 86400 | ngày đêm, ngày tuổi, ngày | day, days
nights | nights | 1 | đêm | night, nights
weeks | time | 604800 | tuần lễ, tuần | week, weeks
months | time | 2629800 | tháng tuổi, tháng | month, months
years | time | 31557600 | năm tuổi, năm, tuổi | year, years, yr, yrs
decades | time | 315576000 | thập kỷ, thập kỉ, thập niên | decade, decades
centuries | time | 3155760000 | thế kỷ, thế kỉ | century, centuries
mm | length | 1/1000 | milimét, milimet, mi-li-mét, mm | millimeter, millimeters, millimetre, millimetres, mm
cm | length | 1/100 | centimét, xentimét, xen-ti-mét, cm | centimeter, centimeters, centimetre, centimetres, cm
km | length | 1000 | kilômét, kilomet, ki-lô-mét, km, cây số | kilometer, kilometers, kilometre, kilometres, km, kms
m | length | 1 | mét, m | meter, meters, metre, metres, m
inches | length | 127/5000 i | inch, inches, inchs, in-sơ, in-xơ, in-chơ | inch, inches
feet | length | 381/1250 i | feet, foot, ft, phít, bộ anh | feet, foot, ft
yards | length | 1143/1250 i | yard, yards, thước anh | yard, yards
nautical miles | length | 1852 i | hải lý, hải lí | nautical mile, nautical miles
miles | length | 201168/125 i | dặm anh, dặm, miles, mile | mile, miles
light-years | light | 1 | năm ánh sáng | light year, light years
mg | mass | 1/1000000 | miligam, mg | milligram, milligrams, mg
kg | mass | 1 | kilôgam, ki-lô-gam, kilogram, ki lô gam, kg, ký lô, kí lô, cân | \
kilogram, kilograms, kilo, kilos, kg, kgs
g | mass | 1/1000 | gram, gam, gr, g | gram, grams, gramme, grammes, g
hectograms | mass | 1/10 | lạng | hectogram, hectograms, tael, taels
quintals | mass | 100 | tạ | quintal, quintals
times ten kilos | mass | 10 | yến | yến
tonnes | mass | 1000 | tấn | metric ton, metric tons, metric tonnes, tonne, tonnes, ton, tons
lb | mass | 45359237/100000000 i | cân anh, pao, lb, lbs, pound, pounds | lb, lbs, pound, pounds
ounces | mass | 45359237/1600000000 i | ounce, aoxơ, oz | ounce, ounces, oz
km² | area | 1000000 | km2, km², km vuông, kilômét vuông, ki-lô-mét vuông, cây số vuông | \
square kilometer, square kilometers, square kilometre, square kilometres, sq km, sq.km, sqkm, sq. km, km2, km²
m² | area | 1 | m2, m², mét vuông | square meter, square meters, square metre, square metres, sq m, sq.m, sq. m, sqm, \
sq meters, sq metres, m2, m²
hectares | area | 10000 | hécta, héc-ta, hec-ta, hecta, héc ta, hectare, ha | hectare, hectares, ha
acres | area | 4046.8564224 i | mẫu anh, acre, acres | acre, acres
sq ft | area | 0.09290304 i | feet vuông, foot vuông | square feet, square foot, sq ft, sq.ft
sq miles | area | 2589988.110336 i | dặm vuông | square mile, square miles, sq mile, sq miles
m³ | volume | 1000 | m3, m³, mét khối | cubic meter, cubic meters, cubic metre, cubic metres, cu m, cu.m, m3, m³
ml | volume | 1/1000 | mililít, ml, cc | milliliter, milliliters, millilitre, millilitres, ml, cc
litres | volume | 1 | lít, lit, l | liter, liters, litre, litres, l
gallons | volume | 3.785411784 i | gallon, gallons, ga-lông | gallon, gallons
km/h | speed | 1 | km/giờ, km/h, km / h, km / giờ, km trên giờ, km mỗi giờ, km/g, kmh, km một giờ | \
km/h, kph, km/hr, kmh, kmph, kilometers per hour, \
kilometres per hour, kilometers an hour, kilometres an hour, km per hour, km an hour
mph | speed | 1.609344 i | dặm/giờ, dặm/h, dặm một giờ, mph | mph, miles per hour, miles an hour
m/s | speed | 3.6 | m/s, m/giây, mét/giây | m/s, meters per second, metres per second
knots | speed | 1.852 i | hải lý/giờ, hải lý/h | knot, knots
°F | temperature | 5/9 i | độ f, °f, ºf, ℉ | degrees fahrenheit, °f, ºf, ℉
°C | temperature | 1 | độ c, °c, ºc, oc, ℃, độ celsius | degrees celsius, degrees centigrade, degrees c, °c, ºc, ℃
kW | power | 1 | kw, kilowatt | kw, kilowatt, kilowatts
MW | power | 1000 | mw, megawatt | mw, megawatt, megawatts
GW | power | 1000000 | gw, gigawatt | gw, gigawatt, gigawatts
kWh | energy | 1 | kwh, kilowatt giờ | kwh, kilowatt hour, kilowatt hours
MB | data | 1 | mb, megabyte | mb, megabyte, megabytes
GB | data | 1000 | gb, gigabyte | gb, gigabyte, gigabytes
TB | data | 1000000 | tb, terabyte | tb, terabyte, terabytes
AUD | money | 1 | đô la úc, đô-la úc, đôla úc, đô úc, aud | australian dollar, australian dollars, aud
SGD | money | 1 | đô la singapore, đô-la singapore, sgd | singapore dollar, singapore dollars, sgd
HKD | money | 1 | đô la hong kong, đô la hồng kông, đô-la hồng kông, hkd | hong kong dollar, hong kong dollars, hkd
CAD | money | 1 | đô la canada, đô-la canada, cad | canadian dollar, canadian dollars, cad
NZD | money | 1 | đô la new zealand, đô-la new zealand, nzd | new zealand dollar, new zealand dollars, nzd
TWD | money | 1 | đài tệ, đô la đài loan | taiwan dollar, taiwan dollars, taiwanese dollars
USD | money | 1 | đô la mỹ, đô-la mỹ, đôla mỹ, đô la mĩ, đô la hoa kỳ, đô mỹ, dollar mỹ, usd, us$, mỹ kim | us dollar, \
us dollars, u.s. dollar, u.s. dollars, american dollar, american dollars, usd
$ | money | 1 | đô la, đô-la, đôla, dollar, đô, $ | dollar, dollars, bucks
VND | money | 1 | đồng việt nam, vnđ, vnd, đồng, đ, ₫ | vietnamese dong, vietnam dong, dong, dongs, vnd, vnđ, đồng
CNY | money | 1 | nhân dân tệ, ndt, cny, rmb, tệ | chinese yuan, yuan, renminbi, rmb, cny
EUR | money | 1 | đồng euro, đồng ơ-rô, euro, eur, € | euro, euros, eur, €
GBP | money | 1 | bảng anh, đồng bảng, gbp, £, bảng | \
british pound, british pounds, pound sterling, pounds sterling, quid, gbp
JPY | money | 1 | yên nhật, yên, yen, jpy, ¥ | japanese yen, yen, jpy
KRW | money | 1 | won hàn quốc, won, krw | south korean won, korean won, won, krw
THB | money | 1 | baht, bạt | thai baht, baht, thb
RUB | money | 1 | rúp, ruble, rup | ruble, rubles, rouble, roubles
INR | money | 1 | rupee, rupi | rupee, rupees
KHR | money | 1 | riel | riel, riels
IDR | money | 1 | rupiah | rupiah
MYR | money | 1 | ringgit | ringgit
CHF | money | 1 | franc thụy sĩ, franc | swiss franc, swiss francs, franc, francs
"""

DOLLARS: Final = frozenset(("$", "USD", "AUD", "SGD", "HKD", "CAD", "TWD", "NZD"))
# What stands before the figure, in either language.
SIGNS: Final = {
    "us$": "USD", "usd": "USD", "au$": "AUD", "a$": "AUD", "aud": "AUD", "s$": "SGD", "hk$": "HKD", "c$": "CAD",
    "nz$": "NZD", "nt$": "TWD", "$": "$", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP", "¥": "JPY", "vnd": "VND",
    "vnđ": "VND", "₫": "VND", "rmb": "CNY", "jpy": "JPY", "krw": "KRW",
}  # fmt: skip


def _read() -> tuple[dict[str, Unit], dict[str, Unit], dict[str, Unit]]:
    """Return the units by Vietnamese name, by English name and by their own."""
    vietnamese: dict[str, Unit] = {}
    english: dict[str, Unit] = {}
    own: dict[str, Unit] = {}
    for line in _TABLE.strip().split("\n"):
        name, dimension, size, left, right = (cell.strip() for cell in line.split(" | "))
        number, _, imperial = size.partition(" ")
        own[name] = unit = Unit(name, dimension, Fraction(number), bool(imperial))
        vietnamese.update((one.strip(), unit) for one in left.split(","))
        english.update((one.strip(), unit) for one in right.split(","))
    return vietnamese, english, own


VI_UNITS, EN_UNITS, UNITS = _read()


def beside(units: dict[str, Unit]) -> str:
    """Return a pattern of the units, group 1: a currency may have a unit behind a slash, a measure is another then."""
    money = any_of(name for name, unit in units.items() if unit.dimension == "money")
    other = any_of(name for name, unit in units.items() if unit.dimension != "money")
    return rf"((?:{money})(?![^\W_])|(?:{other})(?![^\W_])(?!/[a-zđ]))"


def of_time(units: dict[str, Unit]) -> str:
    """Return a pattern of the units of time, group `unit`."""
    return rf"(?P<unit>{any_of(name for name, unit in units.items() if unit.dimension == 'time')})(?![^\W_])"


def named(units: dict[str, Unit], name: str) -> Unit:
    """Return the unit of a name that the pattern of `any_of` matched."""
    name = name.replace("\xa0", " ")
    return units[name] if name in units else units[name.replace("-", " ")]
