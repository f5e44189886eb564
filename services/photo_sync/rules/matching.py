"""Whose a project is. One candidate is a match, more are ambiguity, which is held and shown, never guessed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from photo_sync.models.matching import BASES, MOST_CANDIDATES, Basis, Candidate, Match

ACCOUNT: Final = "001"
"""The prefix of an Account's id: it stands for a customer only where it has one contact."""
OPERATOR: Final = "operator"
PUBLISHED: Final = "published"
RELATION: Final = "relation_id"


def decide(stored: Match, candidates: Sequence[Candidate]) -> Match:
    """The match after looking at who matches now.

    A match stays with its customer, whoever comes later: only a stronger basis changes it, where it names one customer.
    A second candidate on its basis or a stronger one makes it contested, which is shown. So does one on a weaker basis
    where its customer matches on none that is stronger any more, as after a correction at the vendor.

    On which basis a match was made that was taken over from what was published, nobody knows, so none is stronger. It
    gets one where nobody matches better than its customer.

    Of those who match by one address, number or record, two and the customer whose it is decide as all would.
    """
    found = _first_match(stored.project_id, candidates)
    customer = stored.customer_id
    if customer is None:
        return found
    if stored.basis == PUBLISHED:
        stored = replace(stored, basis=_basis_of(customer, candidates))
    if found.customer_id is not None and _strength(found.basis) < _strength(stored.basis):
        return found
    others = _others(stored, customer, candidates)
    return Match(
        project_id=stored.project_id,
        state="contested" if others else "matched",
        customer_id=customer,
        basis=stored.basis,
        candidates=others[:MOST_CANDIDATES],
    )


def _others(stored: Match, customer: UUID, candidates: Sequence[Candidate]) -> tuple[UUID, ...]:
    """Who else matches at least as well. An Account that was its customer's alone brings who shares it now."""
    named = {one for basis in BASES[: _reach(stored, customer, candidates)] for one in _on(basis, candidates)}
    by_relation = {one.customer_id for one in candidates if one.basis == RELATION}
    if stored.basis in {RELATION, PUBLISHED} and not named and customer in by_relation:
        named = by_relation
    return tuple(sorted(named - {customer}))


def _reach(stored: Match, customer: UUID, candidates: Sequence[Candidate]) -> int:
    """How many bases are as good as the one that it is matched by, or by which its customer still matches at all."""
    if stored.basis == OPERATOR:
        return 0
    still = min((_strength(one.basis) for one in candidates if one.customer_id == customer), default=len(BASES))
    return max(_strength(stored.basis), still) + 1


def _first_match(project_id: str, candidates: Sequence[Candidate]) -> Match:
    """By the strongest basis on which anybody matches at all."""
    for basis in BASES:
        customers = _on(basis, candidates)
        if len(customers) == 1:
            return Match(project_id=project_id, state="matched", customer_id=customers[0], basis=basis)
        if customers:
            return Match(project_id=project_id, state="ambiguous", candidates=customers[:MOST_CANDIDATES])
    return Match(project_id=project_id)


def _basis_of(customer: UUID, candidates: Sequence[Candidate]) -> str:
    """The strongest basis on which anybody matches, if the customer does on it."""
    strongest = next((basis for basis in BASES if _on(basis, candidates)), None)
    return strongest if strongest is not None and customer in _on(strongest, candidates) else PUBLISHED


def _on(basis: Basis, candidates: Sequence[Candidate]) -> tuple[UUID, ...]:
    """The customers that match on a basis. An Account that several contacts share says nothing about which it is."""
    named: dict[str | None, set[UUID]] = {}
    for one in candidates:
        if one.basis == basis:
            named.setdefault(one.relation_id, set()).add(one.customer_id)
    telling = [customers for record, customers in named.items() if len(customers) == 1 or not _is_account(record)]
    return tuple(sorted(set().union(*telling)))


def _is_account(record: str | None) -> bool:
    return record is not None and record.startswith(ACCOUNT)


def _strength(basis: str | None) -> int:
    """0 is the strongest. What the operator decided stands above all, as does what nobody knows."""
    if basis in {OPERATOR, PUBLISHED}:
        return -1
    return BASES.index(basis) if basis in BASES else len(BASES)
