"""Headers of other tools: which column is what, and what their words for a state mean."""

import pytest

from newsletter.audience.columns import Answers, ColumnError, ColumnLayout, UnknownState, recognise
from newsletter.audience.systems import COLUMNS, FIELDS, STATES, SYSTEMS, WORDS

OURS = (
    "email,name,themes,frequency,timezone,language,status,source,consent_at,consent_ip,confirmed_at,unsubscribed_at,"
    "tags,attributes"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,"
    "GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
HEADERS = {
    "ours": OURS,
    "ours, by hand": "email,name,themes,state,consent",
    "listmonk in": "email,name,attributes",
    "listmonk out": "uuid,email,name,attributes,status,created_at,updated_at",
    "Keila": "Email,First name,Last name,Data,Status,External ID",
    "Mailchimp": MAILCHIMP,
    "Mailchimp unsubscribed": f"{MAILCHIMP},UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON",
    "Mailchimp cleaned": f"{MAILCHIMP},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID",
    "Ghost": "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,labels",
    "Substack": "email,active_subscription,expiry,email_disabled,prefer_digests,created_at",
    "Buttondown": "id,secondary_id,email,notes,subscriber_type,referrer_url,creation_date,ip_address,subscription_date,"
    "unsubscription_date,tags,metadata",
    "beehiiv": "email,First Name,Last Name,status,tier,created_at,stripe_customer_id,unsubscribed_at",
    "phpList": "email,Foreign Key,confirmed,blacklisted,htmlemail,entered,modified",
    "Curated": "Email Address,Subscribed at,UTM Source,UTM Medium",
    "other": "Work,E-Mail,Full name",
}


def layout(header: str, **given: str) -> ColumnLayout:
    return recognise(header.split(","), Answers(fields=given))


def state(header: str, **cells: str) -> str:
    """The state of a row, in a file in which others say yes."""
    names, found = header.split(","), layout(header)
    row = [cells.get(name, "") for name in names]
    survey = found.survey()
    survey.add(row, 2)
    return found.settle(survey).state_of(row)


def where(header: str, found: ColumnLayout) -> dict[str, str]:
    names = header.split(",")
    return {field: names[index] for field, index in found.fields.items()}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_gives_its_system_away(name: str) -> None:
    system = layout(HEADERS[name]).system
    assert name.split(",")[0].split()[0] == system.split()[0]
    assert ("unsubscribed" in name, "cleaned" in name) == ("unsubscribed" in system, "cleaned" in system)


@pytest.mark.parametrize("name", HEADERS)
def test_every_column_is_a_field_or_a_part_of_a_name_or_a_state_or_an_attribute(name: str) -> None:
    found = layout(HEADERS[name])
    used = [*found.fields.values(), *found.names, *found.attributes]
    assert set(used) == set(range(len(HEADERS[name].split(","))))
    assert not set(found.attributes) & {*found.fields.values(), *found.names}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "ours",
            {
                "consent": "source",
                "state": "status",
                "consent_ip": "consent_ip",
                "themes": "themes",
                "attributes": "attributes",
            },
        ),
        ("ours, by hand", {"consent": "consent", "state": "state"}),
        ("Mailchimp", {"email": "Email Address", "consent_at": "OPTIN_TIME", "consent_ip": "OPTIN_IP", "tags": "TAGS"}),
        ("Mailchimp unsubscribed", {"unsubscribed_at": "UNSUB_TIME"}),
        ("Keila", {"attributes": "Data", "state": "Status"}),
        ("Ghost", {"tags": "labels", "consent_at": "created_at"}),
        (
            "Buttondown",
            {
                "state": "subscriber_type",
                "consent_ip": "ip_address",
                "consent_at": "creation_date",
                "confirmed_at": "subscription_date",
                "unsubscribed_at": "unsubscription_date",
                "attributes": "metadata",
            },
        ),
        ("Curated", {"consent_at": "Subscribed at"}),
        ("other", {"email": "E-Mail", "name": "Full name"}),
    ],
)
def test_columns_become_fields(name: str, expected: dict[str, str]) -> None:
    assert expected.items() <= where(HEADERS[name], layout(HEADERS[name])).items()


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("email,name", {}, "active"),
        ("email,name,themes,state,consent", {"state": "unsubscribed"}, "unsubscribed"),
        ("email,name,themes,state,consent", {"state": " Pending "}, "pending"),
        (OURS, {}, "active"),
        (OURS, {"unsubscribed_at": "2025-07-01"}, "unsubscribed"),
        (OURS, {"status": "active", "unsubscribed_at": "2025-07-01"}, "unsubscribed"),
        (OURS, {"status": "active", "unsubscribed_at": "never"}, "active"),
        (HEADERS["listmonk out"], {"status": "enabled"}, "active"),
        (HEADERS["listmonk out"], {"status": "disabled"}, "unsubscribed"),
        (HEADERS["listmonk out"], {"status": "blocklisted"}, "unsubscribed"),
        (HEADERS["Keila"], {"Status": "active"}, "active"),
        (HEADERS["Keila"], {"Status": "inactive"}, "unsubscribed"),
        (HEADERS["Keila"], {"Status": "unreachable"}, "bounced"),
        (HEADERS["Mailchimp"], {}, "active"),
        (HEADERS["Mailchimp unsubscribed"], {}, "unsubscribed"),
        (HEADERS["Mailchimp cleaned"], {}, "bounced"),
        (HEADERS["Ghost"], {"subscribed_to_emails": "true"}, "active"),
        (HEADERS["Ghost"], {"subscribed_to_emails": "FALSE"}, "unsubscribed"),
        (HEADERS["Substack"], {"active_subscription": "false", "email_disabled": "false"}, "active"),
        (HEADERS["Substack"], {"active_subscription": "true", "email_disabled": "true"}, "unsubscribed"),
        (HEADERS["Buttondown"], {"subscriber_type": "premium"}, "active"),
        (HEADERS["Buttondown"], {"subscriber_type": "unactivated"}, "pending"),
        (HEADERS["Buttondown"], {"subscriber_type": "undeliverable"}, "bounced"),
        (HEADERS["Buttondown"], {"subscriber_type": "complained"}, "complained"),
        (HEADERS["Buttondown"], {"subscriber_type": "past_due"}, "active"),
        (HEADERS["beehiiv"], {"status": "inactive", "tier": "free"}, "unsubscribed"),
        (HEADERS["beehiiv"], {"status": "validating"}, "pending"),
        (HEADERS["phpList"], {"confirmed": "1", "blacklisted": "0"}, "active"),
        (HEADERS["phpList"], {"confirmed": "0", "blacklisted": "0"}, "pending"),
        (HEADERS["phpList"], {"confirmed": "1", "blacklisted": "1"}, "unsubscribed"),
        ("Emailadresse,Status", {"Status": "Abgemeldet"}, "unsubscribed"),
    ],
)
def test_states_are_translated(header: str, cells: dict[str, str], expected: str) -> None:
    assert state(header, **cells) == expected


def test_an_unknown_state_is_not_guessed() -> None:
    found, row = layout("email,Status"), ["a@a.example", "on holiday"]
    survey = found.survey()
    survey.add(["b@a.example", "active"], 2)
    survey.add(row, 3)
    with pytest.raises(UnknownState, match="'on holiday' in 'Status'"):
        found.settle(survey).state_of(row)


@pytest.mark.parametrize(
    "name",
    [
        "E-Mail",
        " email ",
        "EMAIL",
        "\ufeffemail",
        "email_address",
        "Emailadresse",
        "E-Mail-Adresse",
        "Adresse électronique",
        "Correo electrónico",
        "Indirizzo email",
        "Endereço de e-mail",
        "Sähköposti",
        "Электронная почта",
        "メールアドレス",
        "Mail (work)",
    ],
)
def test_the_column_of_addresses_is_found_in_many_languages(name: str) -> None:
    assert layout(f"x,{name},y").fields["email"] == 1


def test_a_localised_mailchimp_file_is_recognised() -> None:
    found = layout("Emailadresse,Vorname,Nachname,MEMBER_RATING,OPTIN_TIME,LEID,EUID")
    assert found.system == "Mailchimp"
    assert found.names == (1, 2)


def test_a_whole_name_wins_over_its_parts() -> None:
    found = layout("email,First Name,Last Name,Name")
    assert found.names == (3,)
    assert found.attributes == (1, 2)


def test_a_column_can_be_named_by_the_user() -> None:
    found = layout("email,Private,Lists", email="private", themes="LISTS", name="")
    assert where("email,Private,Lists", found) == {"email": "Private", "themes": "Lists"}
    assert found.attributes == (0,)


def test_a_field_can_be_taken_from_its_column() -> None:
    found = layout("email,Status", state="")
    assert found.tallies == ()
    assert found.attributes == (1,)


@pytest.mark.parametrize(
    ("header", "given", "message"),
    [
        ("a,b", {}, 'no column of e-mail addresses among "a", "b"'),
        ("mail one,mail two", {}, "no column of e-mail addresses"),
        ("email,b", {"name": "c"}, "there is no such column"),
        ("email,b", {"nmae": "b"}, "there is no such field"),
    ],
)
def test_a_header_without_addresses_tells_its_columns_and_the_way_out(
    header: str, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ColumnError, match=message) as caught:
        layout(header, **given)
    assert caught.value.help


def test_columns_of_one_name_are_kept_apart() -> None:
    assert layout("email,Note,Note,").columns == ("email", "Note", "Note (column 3)", "column 4")


def test_the_tables_speak_of_fields_and_states_that_exist() -> None:
    assert set(COLUMNS.values()) <= set(FIELDS)
    assert set(WORDS.values()) <= set(STATES)
    for system in SYSTEMS:
        assert set(system.columns.values()) <= {*FIELDS, ""}
        assert set(system.flags.values()) <= {"wanted", "confirmed", "left", "status"}
        assert set(system.words.values()) <= set(STATES)
        assert not set(system.words) & set(WORDS)
