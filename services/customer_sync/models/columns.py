"""The columns of `customers.customers` that a vendor's fields may feed, and what each can hold."""

from synckit.columns import Column, Kind


def _text(length: int | None, default: str | None = None) -> Column:
    return Column(Kind.TEXT, length=length, default=default)


def _address(prefix: str) -> dict[str, Column]:
    return {
        f"{prefix}_street": _text(None),
        f"{prefix}_city": _text(255),
        f"{prefix}_state": _text(80),
        f"{prefix}_postal_code": Column(Kind.EXACT, length=20),
        f"{prefix}_country": Column(Kind.COUNTRY, length=2, default="US"),
        f"{prefix}_latitude": Column(Kind.LATITUDE, "numeric(10, 8)"),
        f"{prefix}_longitude": Column(Kind.LONGITUDE, "numeric(11, 8)"),
    }


COLUMNS: dict[str, Column] = {
    "first_name": _text(255, default=""),
    "last_name": _text(255, default=""),
    "email": Column(Kind.EMAIL, length=320),
    "phone": Column(Kind.PHONE, length=40),
    "company": _text(255),
    **_address("mailing"),
    **_address("billing"),
    **_address("service"),
    "lead_source": _text(100),
    "industry": _text(100),
    "website": Column(Kind.EXACT, length=500),
    "credit_limit": Column(Kind.MONEY, "numeric(12, 2)"),
    "payment_terms": _text(50),
    "tax_exempt": Column(Kind.FLAG, "boolean", default=False),
    "salesforce_owner_id": Column(Kind.SALESFORCE_ID, length=18),
    "territory": _text(100),
    "account_number": Column(Kind.EXACT, length=50),
}
