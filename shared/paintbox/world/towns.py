"""Where the customers live: towns with their own postal codes, place on earth and telephone area."""

from dataclasses import dataclass
from random import Random
from typing import Final

from paintbox.world.words import STREETS

UNITED_STATES: Final = ("United States", "USA", "US")
CANADA: Final = ("Canada", "CA")
"""How people write the country."""
_SPREAD_DEGREES: Final = 0.06


@dataclass(frozen=True, slots=True)
class Town:
    """A town, with postal codes that lie in it."""

    city: str
    state: str
    postal_codes: tuple[str, ...]
    latitude: float
    longitude: float
    area_code: str
    countries: tuple[str, ...] = UNITED_STATES


@dataclass(frozen=True, slots=True)
class Address:
    """An address in a town, and where on earth it is."""

    street: str
    city: str
    state: str
    postal_code: str
    country: str
    latitude: float
    longitude: float


def address_in(town: Town, dice: Random) -> Address:
    """Some address in this town."""
    return Address(
        street=f"{dice.randrange(100, 9900)} {dice.choice(STREETS)}",
        city=town.city,
        state=town.state,
        postal_code=dice.choice(town.postal_codes),
        country=dice.choice(town.countries),
        latitude=round(town.latitude + dice.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 6),
        longitude=round(town.longitude + dice.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 6),
    )


TOWNS: Final = (
    Town("Albuquerque", "NM", ("87104", "87106", "87110"), 35.0844, -106.6504, "505"),
    Town("Atlanta", "GA", ("30306", "30307", "30312"), 33.7490, -84.3880, "404"),
    Town("Austin", "TX", ("78702", "78704", "78745"), 30.2672, -97.7431, "512"),
    Town("Boise", "ID", ("83702", "83704", "83706"), 43.6150, -116.2023, "208"),
    Town("Boulder", "CO", ("80302", "80304", "80305"), 40.0150, -105.2705, "720"),
    Town("Charlotte", "NC", ("28203", "28205", "28209"), 35.2271, -80.8431, "704"),
    Town("Chicago", "IL", ("60614", "60618", "60625"), 41.8781, -87.6298, "773"),
    Town("Cincinnati", "OH", ("45208", "45209", "45223"), 39.1031, -84.5120, "513"),
    Town("Cleveland", "OH", ("44102", "44109", "44113"), 41.4993, -81.6944, "216"),
    Town("Columbus", "OH", ("43202", "43206", "43214"), 39.9612, -82.9988, "614"),
    Town("Dallas", "TX", ("75206", "75214", "75218"), 32.7767, -96.7970, "214"),
    Town("Denver", "CO", ("80205", "80209", "80211"), 39.7392, -104.9903, "303"),
    Town("Des Moines", "IA", ("50309", "50310", "50312"), 41.5868, -93.6250, "515"),
    Town("Fort Collins", "CO", ("80521", "80524", "80525"), 40.5853, -105.0844, "970"),
    Town("Houston", "TX", ("77006", "77008", "77019"), 29.7604, -95.3698, "713"),
    Town("Indianapolis", "IN", ("46202", "46205", "46220"), 39.7684, -86.1581, "317"),
    Town("Kansas City", "MO", ("64110", "64111", "64113"), 39.0997, -94.5786, "816"),
    Town("Lincoln", "NE", ("68502", "68506", "68510"), 40.8136, -96.7026, "402"),
    Town("Louisville", "KY", ("40204", "40205", "40206"), 38.2527, -85.7585, "502"),
    Town("Madison", "WI", ("53703", "53704", "53711"), 43.0731, -89.4012, "608"),
    Town("Milwaukee", "WI", ("53202", "53207", "53211"), 43.0389, -87.9065, "414"),
    Town("Minneapolis", "MN", ("55406", "55408", "55419"), 44.9778, -93.2650, "612"),
    Town("Nashville", "TN", ("37206", "37209", "37216"), 36.1627, -86.7816, "615"),
    Town("Oklahoma City", "OK", ("73103", "73105", "73118"), 35.4676, -97.5164, "405"),
    Town("Omaha", "NE", ("68104", "68114", "68132"), 41.2565, -95.9345, "531"),
    Town("Philadelphia", "PA", ("19103", "19119", "19147"), 39.9526, -75.1652, "215"),
    Town("Phoenix", "AZ", ("85012", "85014", "85016"), 33.4484, -112.0740, "602"),
    Town("Pittsburgh", "PA", ("15206", "15217", "15232"), 40.4406, -79.9959, "412"),
    Town("Portland", "OR", ("97202", "97206", "97214"), 45.5152, -122.6784, "503"),
    Town("Raleigh", "NC", ("27605", "27607", "27609"), 35.7796, -78.6382, "919"),
    Town("Sacramento", "CA", ("95811", "95816", "95818"), 38.5816, -121.4944, "916"),
    Town("Salt Lake City", "UT", ("84102", "84103", "84105"), 40.7608, -111.8910, "801"),
    Town("San Antonio", "TX", ("78209", "78210", "78212"), 29.4241, -98.4936, "210"),
    Town("San Diego", "CA", ("92103", "92104", "92116"), 32.7157, -117.1611, "619"),
    Town("Seattle", "WA", ("98103", "98115", "98118"), 47.6062, -122.3321, "206"),
    Town("Spokane", "WA", ("99201", "99203", "99205"), 47.6588, -117.4260, "509"),
    Town("St. Louis", "MO", ("63104", "63109", "63118"), 38.6270, -90.1994, "314"),
    Town("St. Paul", "MN", ("55104", "55105", "55116"), 44.9537, -93.0900, "651"),
    Town("Tampa", "FL", ("33602", "33606", "33609"), 27.9506, -82.4572, "813"),
    Town("Tucson", "AZ", ("85705", "85711", "85716"), 32.2226, -110.9747, "520"),
    Town("Toronto", "ON", ("M4K 1N2", "M6H 1M4"), 43.6532, -79.3832, "416", CANADA),
    Town("Winnipeg", "MB", ("R3C 4A5", "R3M 1T7"), 49.8951, -97.1384, "204", CANADA),
)
