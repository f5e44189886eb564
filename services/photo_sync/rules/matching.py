"""Whose a project is. One candidate is a match, more are ambiguity, which is held and shown, never guessed."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from photo_sync.models.matching import BASES, Basis, Candidate, Match

ACCOUNT: Final = "001"
"""The prefix of an Account's id: it stands for a customer only where it has one contact."""
OPERATOR: Final = "operator"


def decide(stored: Match, candidates: Sequence[Candidate]) -> Match:
    """The match after looking at who matches now.

    A match stays with its customer, whoever comes later: only a stronger basis changes it. A second candidate on its
    basis makes it contested, which is shown.
    """
    found = _first_match(stored.project_id, candidates)
    if stored.customer_id is None:
        return found
    if found.customer_id is not None and _strength(found.basis) < _strength(stored.basis):
        return found
    same_basis = {one.customer_id for one in candidates if one.basis == stored.basis}
    others = tuple(sorted(same_basis - {stored.customer_id}))
    return Match(
        project_id=stored.project_id,
        state="contested" if others else "matched",
        customer_id=stored.customer_id,
        basis=stored.basis,
        candidates=others,
    )


def _first_match(project_id: str, candidates: Sequence[Candidate]) -> Match:
    """By the strongest basis on which anybody matches at all."""
    for basis in BASES:
        customers = _on(basis, candidates)
        if len(customers) == 1:
            return Match(project_id=project_id, state="matched", customer_id=customers[0], basis=basis)
        if customers:
            return Match(project_id=project_id, state="ambiguous", candidates=customers)
    return Match(project_id=project_id)


def _on(basis: Basis, candidates: Sequence[Candidate]) -> tuple[UUID, ...]:
    """The customers that match on a basis. An Account that several contacts share says nothing about which it is."""
    matching = [one for one in candidates if one.basis == basis]
    direct = {one.customer_id for one in matching if not (one.relation_id or "").startswith(ACCOUNT)}
    if direct:
        return tuple(sorted(direct))
    by_account = {one.customer_id for one in matching}
    return tuple(by_account) if len(by_account) == 1 else ()


def _strength(basis: str | None) -> int:
    """0 is the strongest. What the operator decided stands above all."""
    if basis == OPERATOR:
        return -1
    return BASES.index(basis) if basis in BASES else len(BASES)
