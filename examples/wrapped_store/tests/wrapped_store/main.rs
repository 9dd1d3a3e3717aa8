//! The provider, between a host that plays MAPI and Outlook, and a provider that plays that of the
//! PST.

mod conformance;
mod delivery;
mod failures;
mod logon;
mod mapisvc;
mod run_end;
mod service_entry;
mod slots;
mod stand_in;
