"""Exports of other tools in their shapes: the names of their columns, cells in our own words, and who may be mailed.

Each fixture has one reader in each state that the tool can tell; the address names the state that must come out.
`questions`: the import stops and asks about these columns, because only the editor can know.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Export:
    """A file, and what each of its addresses must become. The address `left@…` must be `unsubscribed`, and so on."""

    tool: str
    text: str
    questions: tuple[str, ...] = ()
    name: str = "people.csv"
    states: tuple[str, ...] = ("yes", "left")


# What the local part of an address stands for.
STATES = {
    "yes": "active",
    "wait": "pending",
    "left": "unsubscribed",
    "bounced": "bounced",
    "spam": "complained",
}

_MAILCHIMP = "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LEID,EUID"

EXPORTS = (
    Export(
        "ours",
        "email,name,themes,status,source,unsubscribed_at\n"
        "yes@a.example,,,active,form,\nwait@a.example,,,pending,form,\nleft@a.example,,,unsubscribed,form,2024-01-02\n"
        "bounced@a.example,,,bounced,form,\nspam@a.example,,,complained,form,\n",
        states=("yes", "wait", "left", "bounced", "spam"),
    ),
    Export("Mailchimp", f"{_MAILCHIMP}\nyes@a.example,A,2,2024-01-02 08:00:00,,1,x\n", states=("yes",)),
    Export(
        "Mailchimp (unsubscribed)",
        f"{_MAILCHIMP},UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\nleft@a.example,A,2,,,1,x,2024-02-03 08:00:00,May,N/A\n",
        states=("left",),
    ),
    Export(
        "Mailchimp (cleaned)",
        f"{_MAILCHIMP},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\nbounced@a.example,A,2,,,1,x,2024-02-03 08:00:00,May\n",
        states=("bounced",),
    ),
    Export(
        "listmonk",
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        'u1,yes@a.example,A,"{""city"":""X""}",enabled,2024-01-02,\nu2,left@a.example,B,{},blocklisted,2024-01-02,\n'
        'u3,left2@a.example,C,"{""unsubscribed"":true}",enabled,2024-01-02,\n',
    ),
    Export(
        "Keila",
        "Email,First name,Last name,Data,Status,External ID\n"
        'yes@a.example,A,,"{""newsletter"":""yes""}",active,\nleft@a.example,B,,,unsubscribed,\nbounced@a.example,C,,,unreachable,\n',
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Ghost",
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels\n"
        "1,yes@a.example,A,,true,false,,2024-01-02,,\n2,left@a.example,B,,false,true,,2024-01-02,,\n",
    ),
    Export(
        "Substack",
        "email,active_subscription,expiry,email_disabled,prefer_digests,created_at\n"
        "yes@a.example,false,,false,false,2024-01-02\nleft@a.example,true,,true,false,2024-01-02\n",
    ),
    Export(
        "Buttondown",
        "id,email,notes,subscriber_type,creation_date,unsubscription_date,tags,metadata\n"
        "1,yes@a.example,,premium,7/3/2025,,,{}\n2,wait@a.example,,unactivated,7/3/2025,,,{}\n"
        "3,left@a.example,,unsubscribed,7/3/2025,7/4/2025,,{}\n4,bounced@a.example,,undeliverable,7/3/2025,,,{}\n"
        "5,spam@a.example,,complained,7/3/2025,,,{}\n",
        states=("yes", "wait", "left", "bounced", "spam"),
    ),
    Export(
        "beehiiv",
        "email,First Name,Last Name,status,tier,created_at,unsubscribed_at\n"
        "yes@a.example,A,,active,premium,2024-01-02,\nleft@a.example,B,,inactive,free,2024-01-02,2024-02-03\n"
        "wait@a.example,C,,validating,free,2024-01-02,\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "phpList",
        "email,Foreign Key,confirmed,blacklisted,htmlemail,entered,modified\n"
        "yes@a.example,,1,0,1,2024-01-02,\nwait@a.example,,0,0,1,2024-01-02,\nleft@a.example,,1,1,1,2024-01-02,\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "Curated",
        "Email Address,Subscribed at,UTM Source\nyes@a.example,2024-01-02,\nyes2@a.example,,x\n",
        states=("yes",),
    ),
    Export(
        "HubSpot",
        "Record ID,First Name,Email,Marketing contact status,Unsubscribed from all email,Email hard bounce reason,Lead Status\n"
        "1,A,yes@a.example,Marketing contact,FALSE,,New\n2,B,left@a.example,Marketing contact,TRUE,,New\n"
        "3,C,wait@a.example,Non-marketing contact,FALSE,,Open\n4,D,bounced@a.example,Marketing contact,false,UNKNOWN_USER,New\n",
        states=("yes", "wait", "left", "bounced"),
    ),
    Export(
        "Shopify",
        "Customer ID,First Name,Email,Accepts Email Marketing,Default Address City,Accepts SMS Marketing,Total Orders,Tax Exempt\n"
        "1,A,yes@a.example,yes,Baja,no,3,no\n2,B,left@a.example,no,Y,yes,0,no\n",
    ),
    Export(
        "Klaviyo",
        "Email,Klaviyo ID,First Name,Email Marketing Consent,Email Marketing Consent Timestamp,SMS Consent,Email Suppressions\n"
        "yes@a.example,k1,A,SUBSCRIBED,2024-01-02T08:00:00Z,NEVER_SUBSCRIBED,[]\n"
        "left@a.example,k2,B,UNSUBSCRIBED,,SUBSCRIBED,[]\nwait@a.example,k3,C,NEVER_SUBSCRIBED,,,[]\n"
        "bounced@a.example,k4,D,SUBSCRIBED,2024-01-02T08:00:00Z,,HARD_BOUNCE\n",
        states=("yes", "wait", "left", "bounced"),
    ),
    Export(
        "ActiveCampaign",
        "Contact ID,Email,First Name,Status,Date Subscribed,Date Unsubscribed,Tags\n"
        '1,yes@a.example,A,Active,2024-01-02 08:00,,"buyer,vip"\n2,left@a.example,B,Unsubscribed,2024-01-02 08:00,2024-02-03 08:00,\n'
        "3,wait@a.example,C,Unconfirmed,,,\n4,bounced@a.example,D,Bounced,2024-01-02 08:00,,\n",
        states=("yes", "wait", "left", "bounced"),
    ),
    Export(
        "Constant Contact",
        "Email address,First name,Email permission status,Email update source,Confirmed Opt-Out Date,Confirmed Opt-Out Reason\n"
        "yes@a.example,A,Express,Form,,\nyes2@a.example,B,Implied,Added by you,,\n"
        "left@a.example,C,Unsubscribed,Form,2024-02-03,Too many\nwait@a.example,D,Pending,Form,,\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "Campaign Monitor (a list of those who left)",
        "Email Address,Name,Date Unsubscribed\nleft@a.example,A,2024-02-03 08:00:00\n",
        states=("left",),
    ),
    Export(
        "MailerLite",
        "Subscriber,Status,Sent,Opens,Clicks,Subscribed,Opt-in date,Opt-in IP,Name\n"
        "yes@a.example,Active,9,3,1,2024-01-02 08:00:00,2024-01-02,203.0.113.9,A\n"
        "left@a.example,Unsubscribed,9,3,1,2024-01-02 08:00:00,,,B\nwait@a.example,Unconfirmed,0,0,0,2024-01-02 08:00:00,,,C\n"
        "bounced@a.example,Bounced,1,0,0,2024-01-02 08:00:00,,,D\nspam@a.example,Junk,1,0,0,2024-01-02 08:00:00,,,E\n",
        states=("yes", "wait", "left", "bounced", "spam"),
    ),
    Export(
        "Brevo",
        "CONTACT ID;EMAIL;FIRSTNAME;ADDED_TIME;MODIFIED_TIME;DOUBLE_OPT-IN;BLOCKLISTED\n"
        "1;yes@a.example;A;2024-01-02;2024-01-02;Yes;No\n2;left@a.example;B;2024-01-02;2024-01-02;Yes;Yes\n",
    ),
    Export(
        "Kit",
        "id,first_name,email,status,created_at,tags\n"
        "1,A,yes@a.example,active,2024-01-02,\n2,B,left@a.example,cancelled,2024-01-02,\n"
        "3,C,bounced@a.example,bounced,2024-01-02,\n4,D,spam@a.example,complained,2024-01-02,\n",
        states=("yes", "left", "bounced", "spam"),
    ),
    Export(
        "AWeber",
        "Email,Name,Date Added,Subscription Method,Stop Time,Stop Status,Misc\n"
        "yes@a.example,A,01/02/2024,Web form,,,\nleft@a.example,B,01/02/2024,Web form,02/03/2024,Unsubscribed,\n"
        "bounced@a.example,C,01/02/2024,Web form,02/03/2024,Undeliverable,\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Drip",
        "email,status,lifetime_value,created_at,unsubscribed_at,tags\n"
        "yes@a.example,active,10,2024-01-02,,\nleft@a.example,unsubscribed,0,2024-01-02,2024-02-03,\n",
    ),
    Export(
        "Wix",
        "First Name,Email 1,Email Subscriber Status,SMS Subscriber Status,Last Activity,Labels\n"
        "A,yes@a.example,Subscribed,Never subscribed,Form,\nB,left@a.example,Unsubscribed,Subscribed,Form,\n"
        "C,wait@a.example,Never subscribed,Subscribed,Form,\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "Squarespace",
        "Email,First Name,Accepts Marketing,Order Count,Subscription Source\n"
        "yes@a.example,A,true,3,Footer\nleft@a.example,B,false,1,\n",
    ),
    Export(
        "Salesforce",
        "Id,FirstName,Email,HasOptedOutOfEmail,DoNotCall,EmailBouncedReason,EmailBouncedDate,MailingCity,MailingState\n"
        "1,A,yes@a.example,0,1,,,Reno,NV\n2,B,left@a.example,1,0,,,Reno,NV\n"
        "3,C,bounced@a.example,0,0,550 no such user,2024-02-03,Reno,NV\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Zoho CRM",
        "Record Id,First Name,Email,Email Opt Out,Unsubscribed Mode,Unsubscribed Time,Lead Source\n"
        "z1,A,yes@a.example,false,,,Web\nz2,B,left@a.example,true,Manual,2024-02-03 08:00:00,Web\n",
    ),
    Export(
        "Pipedrive",
        "Person - Name,Person - Email - Work,Person - Marketing status,Person - Owner\n"
        "A,yes@a.example,Subscribed,O\nB,left@a.example,Unsubscribed,O\nC,wait@a.example,No consent,O\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "Dynamics 365",
        "Full Name,Email,Do not allow Bulk Emails,Do not allow Phone Calls,Status\n"
        "A,yes@a.example,Allow,Do Not Allow,Active\nB,left@a.example,Do Not Allow,Allow,Active\nC,left2@a.example,Allow,Allow,Inactive\n",
    ),
    Export(
        "CiviCRM",
        "Contact ID,First Name,Email,On Hold,Do Not Email,Do Not Phone,No Bulk Emails (User Opt Out)\n"
        "1,A,yes@a.example,No,No,Yes,No\n2,B,left@a.example,No,No,No,Yes\n3,C,left2@a.example,No,Yes,No,No\n"
        "4,D,bounced@a.example,On Hold Bounce,No,No,No\n5,E,left3@a.example,On Hold Opt Out,No,No,No\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "NationBuilder",
        "nationbuilder_id,first_name,email,email_opt_in,email1_is_bad,do_not_contact,unsubscribed_at,is_volunteer\n"
        "1,A,yes@a.example,true,false,false,,true\n2,B,left@a.example,false,false,false,,false\n"
        "3,C,bounced@a.example,true,true,false,,false\n4,D,left2@a.example,true,false,true,,false\n"
        "5,E,left3@a.example,true,false,false,2024-02-03,false\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Action Network",
        "email,first_name,zip_code,subscription_status,can2_user_tags\n"
        "yes@a.example,A,1,subscribed,\nleft@a.example,B,1,unsubscribed,\nbounced@a.example,C,1,bouncing,\n"
        "spam@a.example,D,1,spam complaint,\n",
        states=("yes", "left", "bounced", "spam"),
    ),
    Export(
        "MailPoet",
        "Email,First name,List status,Global status,Subscribed at,Unsubscribed at\n"
        "yes@a.example,A,Subscribed,Subscribed,2024-01-02,\nleft@a.example,B,Unsubscribed,Subscribed,2024-01-02,2024-02-03\n"
        "wait@a.example,C,Unconfirmed,Unconfirmed,,\nbounced@a.example,D,Subscribed,Bounced,2024-01-02,\n",
        states=("yes", "wait", "left", "bounced"),
    ),
    Export(
        "WooCommerce",
        "Name,Email,Country / Region,Last Active,Orders,Total Spend,Newsletter opt-in\n"
        "A,yes@a.example,DE,2024-01-02,3,10.50,1\nB,left@a.example,DE,2024-01-02,1,5.00,0\n",
    ),
    Export(
        "EmailOctopus",
        "Email address,First name,Status,Created at\n"
        "yes@a.example,A,SUBSCRIBED,2024-01-02\nleft@a.example,B,UNSUBSCRIBED,2024-01-02\nwait@a.example,C,PENDING,2024-01-02\n",
        states=("yes", "wait", "left"),
    ),
    Export(
        "Mailjet",
        "Email,IsExcludedFromCampaigns,IsOptInPending,IsSpamComplaining,IsUnsubscribed,CreatedAt\n"
        "yes@a.example,false,false,false,false,2024-01-02\nleft@a.example,false,false,false,true,2024-01-02\n"
        "left2@a.example,true,false,false,false,2024-01-02\nwait@a.example,false,true,false,false,2024-01-02\n"
        "spam@a.example,false,false,true,false,2024-01-02\n",
        states=("yes", "wait", "left", "spam"),
    ),
    Export(
        "Postmark",
        "EmailAddress,SuppressionReason,Origin,CreatedAt\n"
        "bounced@a.example,HardBounce,Recipient,2024-01-02\nspam@a.example,SpamComplaint,Recipient,2024-01-02\n"
        "left@a.example,ManualSuppression,Customer,2024-01-02\n",
        states=("left", "bounced", "spam"),
    ),
    Export(
        "SendGrid",
        "email,created\nleft@a.example,1706860800\n",
        name="suppression_unsubscribes.csv",
        questions=("everybody",),
        states=("left",),
    ),
    Export(
        "Mailgun",
        "address,tags,created_at\nleft@a.example,*,2024-01-02\n",
        name="unsubscribes.csv",
        questions=("everybody",),
        states=("left",),
    ),
    Export(
        "CleverReach",
        "E-Mail;Aktiv;Registriert;Aktiviert;Deaktiviert;Quelle\n"
        "yes@a.example;ja;02.01.2024;02.01.2024;;Formular\nleft@a.example;nein;02.01.2024;02.01.2024;03.02.2024;Formular\n",
        questions=("Deaktiviert",),
    ),
    Export(
        "rapidmail",
        "E-Mail-Adresse;Vorname;Status;Angemeldet am;Bestätigt am;Abgemeldet am\n"
        "yes@a.example;A;aktiv;02.01.2024;02.01.2024;\nleft@a.example;B;abgemeldet;02.01.2024;02.01.2024;03.02.2024\n"
        "bounced@a.example;C;hardbounce;02.01.2024;02.01.2024;\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Google Groups",
        "Members for group friends\nEmail address,Nickname,Group status,Email status,Email preference,Posting permissions,Join year\n"
        "yes@a.example,A,member,,email,allowed,2024\nleft@a.example,B,member,,no email,allowed,2024\n"
        "bounced@a.example,C,member,bouncing,email,allowed,2024\nleft2@a.example,D,banned,,email,allowed,2024\n"
        "wait@a.example,E,pending,,email,allowed,2024\n",
        states=("yes", "wait", "left", "bounced"),
    ),
    Export(
        "Groups.io",
        "Email,Display Name,Joined,Email Delivery,Status\n"
        "yes@a.example,A,2024-01-02,Individual Emails,Normal\nleft@a.example,B,2024-01-02,No Email,Normal\n"
        "bounced@a.example,C,2024-01-02,Plain Digest,Bouncing\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Mailman",
        "Email,Delivery Mode,Delivery Status\n"
        "yes@a.example,regular,enabled\nleft@a.example,regular,by_user\nbounced@a.example,summary_digests,by_bounces\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Kajabi",
        "Name,Email,Products,Subscribed,Bounced\nA,yes@a.example,X,Yes,No\nB,left@a.example,X,No,No\nC,bounced@a.example,X,Yes,Yes\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "Teachable",
        "id,fullname,email,joined_at,unsubscribe_from_marketing_emails\n"
        "1,A,yes@a.example,2024-01-02,f\n2,B,left@a.example,2024-01-02,t\n",
    ),
    Export(
        "Sarbacane",
        "email;nom;désabonné;plainte;NPAI\n"
        "yes@a.example;A;non;non;non\nleft@a.example;B;oui;non;non\nspam@a.example;C;non;oui;non\nbounced@a.example;D;non;non;oui\n",
        states=("yes", "left", "bounced", "spam"),
    ),
    Export(
        "Acumbamail",
        "Correo electrónico;Nombre;Estado;Fecha de alta;Fecha de baja\n"
        "yes@a.example;A;Activo;02/01/2024;\nleft@a.example;B;Baja;02/01/2024;03/02/2024\nbounced@a.example;C;Rebotado;02/01/2024;\n",
        states=("yes", "left", "bounced"),
    ),
    Export(
        "UniSender",
        "email;имя;статус;дата подписки;дата отписки\n"
        "yes@a.example;А;активен;02.01.2024;\nleft@a.example;Б;отписан;02.01.2024;03.02.2024\n",
    ),
)
