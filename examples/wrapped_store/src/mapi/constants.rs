//! Constants of MAPI, with the documented names. Property tags are `(identifier << 16) | type`.

/// `CURRENT_SPI_VERSION`: the version of the interface between MAPI and its providers.
pub const CURRENT_SPI_VERSION: u32 = 0x0001_0010;

/// The type of a property whose value is a 32-bit integer.
pub const PT_LONG: u32 = 3;
/// The type of a property without a value: an error code is in its place.
pub const PT_ERROR: u32 = 10;
/// The type of a property whose value is a string of 8-bit units.
pub const PT_STRING8: u32 = 30;
/// The type of a property whose value is a string of UTF-16 units.
pub const PT_UNICODE: u32 = 31;
/// The type of a property whose value is a point in time.
pub const PT_SYSTIME: u32 = 64;
/// The type of a property whose value is bytes.
pub const PT_BINARY: u32 = 258;

/// Returns a property tag.
pub const fn tag(kind: u32, identifier: u32) -> u32 {
    identifier << 16 | kind
}

/// Returns the type in a property tag.
pub const fn kind(tag: u32) -> u32 {
    tag & 0xFFFF
}

/// Returns the identifier in a property tag.
pub const fn identifier(tag: u32) -> u32 {
    tag >> 16
}

/// The class of a message, which selects its form.
pub const PR_MESSAGE_CLASS_W: u32 = tag(PT_UNICODE, 0x001A);
/// The subject.
pub const PR_SUBJECT_W: u32 = tag(PT_UNICODE, 0x0037);
/// When the sender has submitted the message.
pub const PR_CLIENT_SUBMIT_TIME: u32 = tag(PT_SYSTIME, 0x0039);
/// The name of the person for whom the message was sent.
pub const PR_SENT_REPRESENTING_NAME_W: u32 = tag(PT_UNICODE, 0x0042);
/// The address type of the person for whom the message was sent.
pub const PR_SENT_REPRESENTING_ADDRTYPE_W: u32 = tag(PT_UNICODE, 0x0064);
/// The address of the person for whom the message was sent.
pub const PR_SENT_REPRESENTING_EMAIL_ADDRESS_W: u32 = tag(PT_UNICODE, 0x0065);
/// The header of the message, as it came from the Internet.
pub const PR_TRANSPORT_MESSAGE_HEADERS_W: u32 = tag(PT_UNICODE, 0x007D);
/// `MAPI_TO`, `MAPI_CC` or `MAPI_BCC`.
pub const PR_RECIPIENT_TYPE: u32 = tag(PT_LONG, 0x0C15);
/// The name of the sender.
pub const PR_SENDER_NAME_W: u32 = tag(PT_UNICODE, 0x0C1A);
/// The address type of the sender.
pub const PR_SENDER_ADDRTYPE_W: u32 = tag(PT_UNICODE, 0x0C1E);
/// The address of the sender.
pub const PR_SENDER_EMAIL_ADDRESS_W: u32 = tag(PT_UNICODE, 0x0C1F);
/// When the message was delivered.
pub const PR_MESSAGE_DELIVERY_TIME: u32 = tag(PT_SYSTIME, 0x0E06);
/// Flags such as `MSGFLAG_READ`. They can be set until the first `SaveChanges`.
pub const PR_MESSAGE_FLAGS: u32 = tag(PT_LONG, 0x0E07);
/// The plain body.
pub const PR_BODY_W: u32 = tag(PT_UNICODE, 0x1000);
/// The HTML body, in the code page of `PR_INTERNET_CPID`.
pub const PR_HTML: u32 = tag(PT_BINARY, 0x1013);
/// The Message-ID of the header, with its angle brackets.
pub const PR_INTERNET_MESSAGE_ID_W: u32 = tag(PT_UNICODE, 0x1035);
/// A name that a user sees.
pub const PR_DISPLAY_NAME_W: u32 = tag(PT_UNICODE, 0x3001);
/// The type of an address, such as `SMTP`.
pub const PR_ADDRTYPE_W: u32 = tag(PT_UNICODE, 0x3002);
/// An address.
pub const PR_EMAIL_ADDRESS_W: u32 = tag(PT_UNICODE, 0x3003);
/// The code page of the HTML body.
pub const PR_INTERNET_CPID: u32 = tag(PT_LONG, 0x3FDE);

/// The path of the PST, in the profile section of the PST provider.
pub const PR_PST_PATH: u32 = 0x6700;

/// The primary recipients.
pub const MAPI_TO: i32 = 1;
/// The recipients of copies.
pub const MAPI_CC: i32 = 2;
/// The recipients of blind copies.
pub const MAPI_BCC: i32 = 3;

/// The message has been read.
pub const MSGFLAG_READ: i32 = 1;
/// `ModifyRecipients` adds to the recipients.
pub const MODRECIP_ADD: u32 = 2;
/// `OpenEntry` and `OpenProfileSection` ask for write access.
pub const MAPI_MODIFY: u32 = 1;
/// Strings are of UTF-16 units.
pub const MAPI_UNICODE: u32 = 0x8000_0000;
/// `SaveChanges` leaves the object open for writing.
pub const KEEP_OPEN_READWRITE: u32 = 2;

/// `StoreLogoff` must not wait.
pub const LOGOFF_NO_WAIT: u32 = 1;
/// `Logon` of the PST provider for an ANSI file of the Replication API.
pub const MDB_OST_LOGON_ANSI: u32 = 0x1000;
/// `Logon` of the PST provider for a Unicode file of the Replication API.
pub const MDB_OST_LOGON_UNICODE: u32 = 0x0800;

/// The service has been installed.
pub const MSG_SERVICE_INSTALL: u32 = 1;
/// The service is added to a profile.
pub const MSG_SERVICE_CREATE: u32 = 2;
/// The service is configured.
pub const MSG_SERVICE_CONFIGURE: u32 = 3;
/// The service is removed from a profile.
pub const MSG_SERVICE_DELETE: u32 = 4;
/// The service is removed from the machine.
pub const MSG_SERVICE_UNINSTALL: u32 = 5;
/// Another provider of the service is created.
pub const MSG_SERVICE_PROVIDER_CREATE: u32 = 6;
/// A provider of the service is deleted.
pub const MSG_SERVICE_PROVIDER_DELETE: u32 = 7;
