"""Every check over the evidence, in the order in which the table shows them."""

from collections.abc import Iterator, Mapping

from paintbox.prove import ledger
from paintbox.prove.checks import contents, delivered, operated, published, truth
from paintbox.prove.evidence import Evidence
from paintbox.prove.verdicts import Verdict, skipped
from paintbox.world import expected
from paintbox.world.expected import Row
from synckit.contracts import topics


def verdicts(evidence: Evidence) -> Iterator[Verdict]:
    """What the ledger, the log, the topics and the rows come to."""
    yield from _delivered(evidence)
    yield from _published(evidence)
    yield from _truth(evidence)
    yield from NOT_YET


NOT_YET = (
    skipped("I5", "no vendor's rate limit is exceeded", "nothing asks a vendor anything yet"),
    skipped("I11", "an alert fires for each fault, and clears", "no alerts are shipped yet"),
)


def _delivered(evidence: Evidence) -> Iterator[Verdict]:
    logged = evidence.logged
    yield operated.everything_was_told(evidence.vendors.deliveries)
    yield delivered.every_answer_is_logged_once(ledger.answered(evidence.vendors.deliveries), logged.events)
    yield delivered.every_event_is_done_with(logged.events)
    yield delivered.receipts_agree(logged.receipts, logged.events)
    yield delivered.one_effect_an_event(logged.events, logged.sync_logs)
    yield delivered.one_effect_an_event_and_customer(logged.customer_logs)
    yield from _contents(evidence)
    in_topics = {one.event_id for one in evidence.webhooks if one.event_id is not None}
    yield delivered.received_equals_done(in_topics, logged.events)
    yield delivered.nothing_is_set_aside(len(logged.events), logged.set_aside)


def _contents(evidence: Evidence) -> Iterator[Verdict]:
    """What the log, the sync logs and the cache say. What was quarantined is told of by nothing but its bytes."""
    logged = evidence.logged
    came = [one.told for one in evidence.webhooks if one.told and one.topic != topics.WEBHOOKS_QUARANTINED.name]
    changes = [one for one in evidence.changes if one.topic == topics.CUSTOMERS_CHANGES.name]
    yield contents.what_came_was_sent(ledger.sent(evidence.vendors.deliveries), came)
    yield contents.the_log_says_what_came(came, logged.contents)
    yield contents.sync_logs_name_their_records(ledger.answered(evidence.vendors.deliveries), came, logged.sync_logs)
    yield contents.every_version_has_the_log_of_its_event(changes, came, logged.customer_logs)
    yield contents.the_cache_is_the_mirror(evidence.rows.mirrors, logged.cached)


def _published(evidence: Evidence) -> Iterator[Verdict]:
    owned = evidence.owned
    of_topic = {
        topic.name: [one for one in evidence.changes if one.topic == topic.name]
        for topic in (topics.CUSTOMERS_CHANGES, topics.PROJECTS_CHANGES, topics.FEDERATION_KEYS)
    }
    customers, projects, keys = of_topic.values()
    yield operated.queues_are_empty(owned.waiting)
    for what, rows, records in (
        ("customers", owned.customers, customers),
        ("projects", owned.projects, projects),
        ("federation keys", owned.keys, keys),
    ):
        yield published.every_row_is_published(what, rows, records)
        yield published.compaction_leaves_the_rows(what, rows, records)
    yield published.every_committed_version_is_published(evidence.logged.customer_logs, customers)
    yield published.both_sides_agree(owned.keys, owned.counterparts, {"customers"})
    matched_by = [published.as_matched_by(one) for one in owned.customers]
    yield published.read_model_is_current("customers, at projects", matched_by, owned.customer_refs)
    yield published.read_model_is_current("projects, at customers", owned.projects, owned.project_facts)
    yield published.what_is_in_doubt_is_asked_for(evidence.logged.doubted, evidence.requests)
    yield published.every_record_is_readable([*evidence.webhooks, *evidence.changes, *evidence.requests])
    yield published.nothing_goes_backwards(evidence.changes)
    yield published.what_counts_up_never_falls(evidence.changes)


def _truth(evidence: Evidence) -> Iterator[Verdict]:
    held, rows, words = evidence.vendors.held, evidence.rows, evidence.vendors.words
    for kind in truth.KINDS:
        yield truth.the_mirror_is_the_truth(kind, held[kind.object], rows.mirrors[kind.vendor], words)
    customers = expected.customers(held["Contact"], held["Account"])
    owned = truth.with_customer(expected.projects(held["project"], held["Contact"], held["photo"]))
    projects = truth.due(owned, rows.projects)
    gone = {str(one["id"]) for one in held["project"]} - projects.keys()
    photos = expected.photos(held["photo"], {key: words.get(key, ()) for key in words})
    orphans = {str(one["id"]) for one in held["photo"] if one["project_id"] in gone}
    compared: Mapping[str, tuple[Mapping[str, Row], Mapping[str, Row]]] = {
        "customers": (customers, rows.customers),
        "projects": (projects, rows.projects),
        "photos": (truth.due(photos, rows.photos, orphans), rows.photos),
        "projects matched": (expected.matches(projects, held["project"]), _only(rows.matches, projects)),
        "keys, at projects": (expected.owned_keys(projects), rows.owned_keys),
        "keys, at customers": (expected.applied_keys(projects), rows.applied_keys),
    }
    for what, (due, found) in compared.items():
        yield truth.the_rows_are_the_truth(what, due, found)
    yield truth.there_are_no_others({name: (len(getattr(rows, name)), count) for name, count in rows.counts.items()})


def _only(found: Mapping[str, Row], keys: Mapping[str, Row]) -> dict[str, Row]:
    return {key: row for key, row in found.items() if key in keys}
