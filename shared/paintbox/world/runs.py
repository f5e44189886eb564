"""One run of demo or proof: its tag, how much it makes of everything, and the ids that its records get."""

from dataclasses import dataclass
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from synckit.identity import salesforce_id18

TAG_LENGTH: Final = 6
_TAG_DIGITS: Final = digits + ascii_lowercase
_ID_DIGITS: Final = digits + ascii_uppercase + ascii_lowercase
_PLACE: Final = "Dm0"
"""Stands in every Salesforce id of a run, where the simulator's own numbering has `5e0`."""
_INDEX_LENGTH: Final = 3
_FIRST_COMPANYCAM_NUMBER: Final = 3_000_000_000

ACCOUNT: Final = "001"
CONTACT: Final = "003"
"""How ids of these begin in Salesforce."""
PROJECT: Final = "1"
PHOTO: Final = "2"
"""What sets ids of these apart here: CompanyCam numbers each kind by itself."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each kind a run makes; 100,000 at most."""

    accounts: int
    contacts: int
    projects: int
    photos: int


@dataclass(frozen=True, slots=True)
class Run:
    """What tells this run's records from those of every other run on the same stack."""

    number: int
    seed: int
    began_ms: int
    """Milliseconds since 1970. What the stack received before is not of this run."""

    @property
    def tag(self) -> str:
        """The run's short name, which stands in e-mail addresses, in names and in every Salesforce id."""
        return _written(self.number, _TAG_DIGITS, TAG_LENGTH)

    def salesforce_place(self, prefix: str) -> str:
        """What all ids of a kind of Salesforce record begin with; `prefix` is the kind's."""
        return f"{prefix}{_PLACE}{self.tag}"

    def salesforce_id(self, prefix: str, index: int) -> str:
        """The 18-character id of this run's nth record of a kind."""
        return salesforce_id18(self.salesforce_place(prefix) + _written(index, _ID_DIGITS, _INDEX_LENGTH))

    def companycam_place(self, kind: str) -> str:
        """What all ids of this run's CompanyCam records of a kind begin with."""
        return f"{_FIRST_COMPANYCAM_NUMBER + self.number}{kind}"

    def companycam_id(self, kind: str, index: int) -> str:
        """The id of this run's nth record of a kind."""
        return f"{self.companycam_place(kind)}{index:06}"

    def owns(self, record_id: str) -> bool:
        """Whether a record of either vendor is of this run."""
        places = (
            *map(self.salesforce_place, (ACCOUNT, CONTACT)),
            *map(self.companycam_place, (PROJECT, PHOTO)),
        )
        return record_id.startswith(places)


def begin(seed: int, now_ms: int) -> Run:
    """The run with this seed that begins at this moment. The same seed makes the same records under another tag."""
    digest = sha256(f"{seed}/{now_ms}".encode()).digest()
    return Run(int.from_bytes(digest) % len(_TAG_DIGITS) ** TAG_LENGTH, seed, now_ms)


def _written(number: int, alphabet: str, length: int) -> str:
    text = ""
    for _ in range(length):
        number, rest = divmod(number, len(alphabet))
        text = alphabet[rest] + text
    return text
