"""Whose a project is: one candidate is a match, more are ambiguity, and nobody is guessed."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_sync.models.matching import BASES, MOST_CANDIDATES, Basis, Candidate, Match
from photo_sync.rules import contacts
from photo_sync.rules.matching import decide
from support.samples import ACME, DOUGLAS
from synckit.mirror.facts import Record

ANN, BOB, CAT = (UUID(int=number) for number in (1, 2, 3))
BETA = "0015e00000Bet01AAB"


def held() -> Match:
    return Match(project_id="1")


def matched(customer: UUID, basis: str) -> Match:
    return Match(project_id="1", state="matched", customer_id=customer, basis=basis)


def by(basis: Basis, *customers: UUID, relation: str | None = None) -> list[Candidate]:
    return [Candidate(customer, basis, relation) for customer in customers]


def test_nobody_who_matches_leaves_it_held() -> None:
    assert decide(held(), []) == held()


@pytest.mark.parametrize("basis", ["relation_id", "email", "phone"])
def test_the_only_one_who_matches_is_the_match(basis: Basis) -> None:
    assert decide(held(), by(basis, ANN)) == matched(ANN, basis)


def test_the_strongest_basis_on_which_anybody_matches_decides() -> None:
    candidates = [*by("phone", CAT), *by("email", BOB), *by("relation_id", ANN, relation=DOUGLAS)]

    assert decide(held(), candidates) == matched(ANN, "relation_id")


def test_two_on_one_basis_are_ambiguity_even_if_a_weaker_one_would_tell() -> None:
    decided = decide(held(), [*by("email", BOB, ANN), *by("phone", ANN)])

    assert (decided.state, decided.customer_id, decided.candidates) == ("ambiguous", None, (ANN, BOB))


def test_an_account_with_one_contact_stands_for_it() -> None:
    assert decide(held(), by("relation_id", ANN, relation=ACME)) == matched(ANN, "relation_id")


def test_an_account_with_several_contacts_says_nothing() -> None:
    candidates = [*by("relation_id", ANN, BOB, relation=ACME), *by("email", BOB)]

    assert decide(held(), candidates) == matched(BOB, "email")


def test_an_account_that_the_named_contact_shares_says_nothing_against_it() -> None:
    candidates = [*by("relation_id", ANN, relation=DOUGLAS), *by("relation_id", ANN, BOB, relation=ACME)]

    assert decide(held(), candidates) == matched(ANN, "relation_id")
    assert decide(matched(ANN, "relation_id"), candidates) == matched(ANN, "relation_id")


def test_an_account_of_others_says_nothing_against_the_named_contact() -> None:
    candidates = [*by("relation_id", ANN, relation=DOUGLAS), *by("relation_id", BOB, CAT, relation=ACME)]

    assert decide(held(), candidates) == matched(ANN, "relation_id")


@pytest.mark.parametrize("one", [DOUGLAS, BETA])
def test_two_relation_ids_that_name_two_customers_are_ambiguity(one: str) -> None:
    """The account of one contact counts as much as a contact does, and an e-mail address does not tell them apart."""
    candidates = [*by("relation_id", ANN, relation=one), *by("relation_id", BOB, relation=ACME), *by("email", ANN)]

    decided = decide(held(), candidates)

    assert (decided.state, decided.customer_id, decided.candidates) == ("ambiguous", None, (ANN, BOB))


def test_relation_ids_that_name_one_customer_twice_are_its_match() -> None:
    candidates = [*by("relation_id", ANN, relation=DOUGLAS), *by("relation_id", ANN, relation=ACME)]

    assert decide(held(), candidates) == matched(ANN, "relation_id")


def test_two_candidates_on_a_stronger_basis_contest_a_match() -> None:
    candidates = [*by("relation_id", ANN, relation=DOUGLAS), *by("relation_id", BOB, relation=ACME), *by("email", ANN)]

    decided = decide(matched(ANN, "email"), candidates)

    assert (decided.state, decided.customer_id, decided.basis) == ("contested", ANN, "email")
    assert decided.candidates == (BOB,)
    assert decide(decided, by("email", ANN)) == matched(ANN, "email")


def test_a_second_contact_of_the_account_that_was_the_match_contests_it() -> None:
    decided = decide(matched(ANN, "relation_id"), by("relation_id", ANN, BOB, relation=ACME))

    assert (decided.state, decided.customer_id, decided.candidates) == ("contested", ANN, (BOB,))


def test_an_account_that_others_share_does_not_contest_a_match() -> None:
    candidates = [*by("relation_id", BOB, CAT, relation=ACME), *by("email", ANN)]

    assert decide(matched(ANN, "email"), candidates) == matched(ANN, "email")
    assert decide(matched(ANN, "relation_id"), candidates) == matched(ANN, "relation_id")


def test_ambiguity_ends_when_one_candidate_is_left() -> None:
    ambiguous = decide(held(), by("email", ANN, BOB))

    assert decide(ambiguous, by("email", BOB)) == matched(BOB, "email")


@pytest.mark.parametrize("basis", ["relation_id", "email", "phone"])
def test_a_match_that_was_taken_over_goes_on_with_the_basis_on_which_nobody_matches_better(basis: Basis) -> None:
    assert decide(matched(ANN, "published"), by(basis, ANN)) == matched(ANN, basis)


def test_a_match_that_was_taken_over_is_contested_by_whoever_matches_as_well() -> None:
    decided = decide(matched(ANN, "published"), by("email", ANN, BOB))

    assert (decided.state, decided.customer_id, decided.basis) == ("contested", ANN, "email")
    assert decided.candidates == (BOB,)


@pytest.mark.parametrize("others", [by("phone", ANN), []], ids=["worse", "not at all"])
def test_a_match_that_was_taken_over_stays_where_another_matches_better(others: list[Candidate]) -> None:
    """On which basis it was made nobody knows: perhaps on a stronger one, which was corrected since."""
    decided = decide(matched(ANN, "published"), [*by("email", BOB), *others])

    assert (decided.state, decided.customer_id, decided.basis) == ("contested", ANN, "published")
    assert decided.candidates == (BOB,)
    assert decide(decided, by("phone", ANN)) == matched(ANN, "phone")


def test_a_match_that_was_taken_over_is_contested_by_who_shares_its_account() -> None:
    decided = decide(matched(ANN, "published"), by("relation_id", ANN, BOB, relation=ACME))

    assert (decided.state, decided.customer_id, decided.candidates) == ("contested", ANN, (BOB,))


def test_a_match_stays_when_its_customer_no_longer_matches() -> None:
    assert decide(matched(ANN, "email"), []) == matched(ANN, "email")


def test_a_second_candidate_makes_a_match_contested_and_leaving_again_ends_that() -> None:
    contested = decide(matched(ANN, "email"), by("email", ANN, BOB))

    assert (contested.state, contested.customer_id, contested.candidates) == ("contested", ANN, (BOB,))
    assert decide(contested, by("email", ANN)) == matched(ANN, "email")


def test_a_stronger_basis_changes_a_match_and_a_weaker_one_does_not() -> None:
    assert decide(matched(ANN, "phone"), by("email", BOB)) == matched(BOB, "email")
    assert decide(matched(ANN, "email"), [*by("email", ANN), *by("phone", BOB)]) == matched(ANN, "email")


@pytest.mark.parametrize("others", [[BOB], [BOB, CAT]])
@pytest.mark.parametrize("basis", ["relation_id", "email", "phone"])
def test_a_match_is_contested_where_only_others_match_on_whichever_basis(basis: Basis, others: list[UUID]) -> None:
    """As after a correction at the vendor: the customer is not changed, but nobody overlooks it."""
    decided = decide(matched(ANN, "relation_id"), by(basis, *others))

    assert (decided.state, decided.customer_id, decided.basis) == ("contested", ANN, "relation_id")
    assert list(decided.candidates) == others
    assert decide(decided, by("relation_id", ANN, relation=DOUGLAS)) == matched(ANN, "relation_id")


def test_a_match_is_contested_where_another_matches_better_than_its_customer_does_by_now() -> None:
    decided = decide(matched(ANN, "relation_id"), [*by("email", BOB), *by("phone", ANN, CAT)])

    assert (decided.state, decided.customer_id, decided.candidates) == ("contested", ANN, (BOB, CAT))
    assert decide(decided, by("email", ANN)) == matched(ANN, "relation_id")


def test_a_match_whose_basis_an_operator_took_away_goes_to_whom_it_names_now() -> None:
    freed = Match(project_id="1", state="contested", customer_id=ANN, candidates=(BOB,))

    assert decide(freed, by("email", BOB)) == matched(BOB, "email")
    assert decide(freed, by("email", BOB, CAT)).candidates == (BOB, CAT)


CUSTOMERS = [UUID(int=number) for number in range(1, 7)]
RELATIONS = st.builds(Candidate, st.sampled_from(CUSTOMERS), st.just(BASES[0]), st.sampled_from([ACME, BETA, DOUGLAS]))
OTHERS = st.builds(Candidate, st.sampled_from(CUSTOMERS), st.sampled_from(BASES[1:]))
STORED = st.one_of(
    st.just(held()), st.builds(matched, st.just(ANN), st.sampled_from([*BASES, "published", "operator"]))
)


@given(STORED, st.lists(st.one_of(RELATIONS, OTHERS), unique=True))
def test_two_of_those_who_match_alike_and_the_projects_own_customer_decide_as_all_of_them_would(
    stored: Match, candidates: list[Candidate]
) -> None:
    alike: dict[tuple[Basis, str | None], list[Candidate]] = {}
    for one in candidates:
        alike.setdefault((one.basis, one.relation_id), []).append(one)
    few = [one for some in alike.values() for at, one in enumerate(some) if at < 2 or one.customer_id == ANN]

    by_few, by_all = decide(stored, few), decide(stored, candidates)

    assert (by_few.state, by_few.customer_id, by_few.basis) == (by_all.state, by_all.customer_id, by_all.basis)
    assert set(by_few.candidates) <= set(by_all.candidates)


def test_of_many_others_a_few_are_kept() -> None:
    many = by("email", *(UUID(int=number) for number in range(1, 101)))

    ambiguous, contested = decide(held(), many), decide(matched(ANN, "email"), many)

    assert (ambiguous.state, len(ambiguous.candidates)) == ("ambiguous", MOST_CANDIDATES)
    assert (contested.state, contested.customer_id, len(contested.candidates)) == ("contested", ANN, MOST_CANDIDATES)


def test_what_the_operator_decided_stands() -> None:
    assert decide(matched(ANN, "operator"), by("email", BOB)) == matched(ANN, "operator")
    assert decide(matched(ANN, "operator"), by("relation_id", BOB, relation=DOUGLAS)).customer_id == ANN


@pytest.mark.parametrize("given", ["ann@example.com", " Ann@Example.COM\t", "ANN@EXAMPLE.COM"])
def test_an_address_matches_whatever_its_case(given: str) -> None:
    assert contacts.email_key(given) == "ann@example.com"


@pytest.mark.parametrize("given", ["(503) 555-0100", "503.555.0100", "+1 503 555 0100", "1-503-555-0100 "])
def test_a_number_matches_however_it_is_written(given: str) -> None:
    assert contacts.phone_key(given) == "+15035550100"


@pytest.mark.parametrize("given", [None, "", "ann", "call the office", 7, [], "a@b", "a" * 400 + "@example.com"])
def test_what_is_no_address_and_no_number_matches_nobody(given: object) -> None:
    assert contacts.email_key(given) is None
    assert contacts.phone_key(given) is None


def test_relation_ids_count_only_of_the_configured_kinds_and_as_eighteen_characters() -> None:
    integrations = [
        {"type": "salesforce", "relation_id": DOUGLAS[:15]},
        {"type": "Salesforce", "relation_id": "no id"},
        {"type": "Salesforce", "relation_id": None},
        {"type": "ProLine", "relation_id": ACME},
        "noise",
    ]

    keys = contacts.match_keys(Record(object="project", id="1", fields={"integrations": integrations}), ["Salesforce"])

    assert keys.relation_ids == (DOUGLAS,)


@pytest.mark.parametrize("fields", [{}, {"primary_contact": None, "integrations": None}, {"primary_contact": "Ann"}])
def test_a_project_that_names_nobody_is_matched_by_nothing(fields: dict[str, object]) -> None:
    keys = contacts.match_keys(Record(object="project", id="1", fields=fields), ["Salesforce"])

    assert (keys.relation_ids, keys.email, keys.phone) == ((), None, None)
