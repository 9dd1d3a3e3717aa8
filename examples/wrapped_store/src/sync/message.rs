//! A message of the Internet as properties of MAPI.

use super::maildir::Incoming;
use crate::mapi::*;
use mail_parser::{Addr, Address, Message, MessageParser, PartType};

/// A message, ready to be delivered.
pub struct Parsed {
    /// The Message-ID, without angle brackets.
    pub id: Option<String>,
    /// The message's name for the user: its subject, or else the name of its file.
    pub title: String,
    /// The properties.
    pub properties: Properties,
    /// The properties of each recipient.
    pub recipients: Vec<Properties>,
    /// A message for the user about a part that is missing.
    pub warning: Option<String>,
}

/// The code page of UTF-8.
const UTF_8: i32 = 65001;

/// Parses a message. If it cannot be parsed, the result has its header and its whole text.
pub fn parse(raw: &[u8], incoming: &Incoming) -> Parsed {
    let mut properties = Properties::default();
    properties.text(PR_MESSAGE_CLASS_W, "IPM.Note");
    let flags = if incoming.is_read { MSGFLAG_READ } else { 0 };
    properties.long(PR_MESSAGE_FLAGS, flags);
    if let Some(seconds) = incoming.delivered() {
        properties.time(PR_MESSAGE_DELIVERY_TIME, seconds);
    }
    let Some(message) = MessageParser::default().parse(raw) else {
        properties.text(PR_TRANSPORT_MESSAGE_HEADERS_W, &lossy(header(raw)));
        properties.text(PR_BODY_W, &lossy(raw));
        return Parsed {
            id: None,
            title: incoming.unique.clone(),
            properties,
            recipients: Vec::new(),
            warning: Some("it cannot be parsed and is delivered as it is".into()),
        };
    };
    let attachments = message.attachment_count();
    headers(&message, &mut properties);
    bodies(&message, &mut properties);
    Parsed {
        id: message.message_id().map(str::to_owned),
        title: match message.subject().unwrap_or_default() {
            "" => incoming.unique.clone(),
            subject => format!("«{subject}»"),
        },
        properties,
        recipients: recipients(&message),
        warning: (attachments != 0)
            .then(|| format!("its attachments ({attachments}) are left out")),
    }
}

fn headers(message: &Message<'_>, properties: &mut Properties) {
    properties.text(PR_SUBJECT_W, message.subject().unwrap_or_default());
    let root = message.root_part();
    let header = root.raw_header_offset() as usize..root.raw_body_offset() as usize;
    let header = message.raw_message.get(header).unwrap_or_default();
    properties.text(PR_TRANSPORT_MESSAGE_HEADERS_W, &lossy(header));
    if let Some(id) = message.message_id() {
        properties.text(PR_INTERNET_MESSAGE_ID_W, &format!("<{id}>"));
    }
    if let Some(date) = message.date().filter(|date| date.is_valid()) {
        properties.time(PR_CLIENT_SUBMIT_TIME, date.to_timestamp());
    }
    let from = message.from().and_then(Address::first);
    let sender = message.sender().and_then(Address::first).or(from);
    let tags = [
        (sender, PR_SENDER_NAME_W, PR_SENDER_ADDRTYPE_W, PR_SENDER_EMAIL_ADDRESS_W),
        (
            from,
            PR_SENT_REPRESENTING_NAME_W,
            PR_SENT_REPRESENTING_ADDRTYPE_W,
            PR_SENT_REPRESENTING_EMAIL_ADDRESS_W,
        ),
    ];
    for (person, name, address_type, address) in tags {
        if let Some(person) = person {
            mailbox(person, properties, name, address_type, address);
        }
    }
}

/// Adds the plain and the HTML body. A store makes the one that is missing.
fn bodies(message: &Message<'_>, properties: &mut Properties) {
    let plain = message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => Some(text),
        _ => None,
    });
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html),
        _ => None,
    });
    if let Some(plain) = plain {
        properties.text(PR_BODY_W, plain);
    }
    if let Some(html) = html {
        properties.long(PR_INTERNET_CPID, UTF_8);
        properties.binary(PR_HTML, html.as_bytes());
    }
}

fn recipients(message: &Message<'_>) -> Vec<Properties> {
    let lists = [(message.to(), MAPI_TO), (message.cc(), MAPI_CC), (message.bcc(), MAPI_BCC)];
    let mut recipients = Vec::new();
    for (list, kind) in lists {
        for person in list.into_iter().flat_map(Address::iter) {
            let mut properties = Properties::default();
            properties.long(PR_RECIPIENT_TYPE, kind);
            mailbox(person, &mut properties, PR_DISPLAY_NAME_W, PR_ADDRTYPE_W, PR_EMAIL_ADDRESS_W);
            recipients.push(properties);
        }
    }
    recipients
}

/// Adds a name and an address. The address is the name if there is no other.
fn mailbox(
    person: &Addr<'_>,
    properties: &mut Properties,
    name: u32,
    address_type: u32,
    address: u32,
) {
    let email = person.address().unwrap_or_default();
    let shown = person.name().filter(|name| !name.is_empty());
    properties.text(name, shown.unwrap_or(email));
    properties.text(address_type, "SMTP");
    properties.text(address, email);
}

/// Returns the part before the first empty line.
fn header(raw: &[u8]) -> &[u8] {
    let ends = |pattern: &[u8]| raw.windows(pattern.len()).position(|window| window == pattern);
    let end = [ends(b"\n\n"), ends(b"\n\r\n")].into_iter().flatten().min();
    end.map_or(raw, |end| &raw[..=end])
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
