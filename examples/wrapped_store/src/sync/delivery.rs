//! `Delivery`: the loop of a run.

use super::delivered::{Delivered, file_key, id_key};
use super::inbox::Inbox;
use super::maildir::{self, Incoming};
use super::message;
use crate::mapi::{IMsgStore, MapiMemory};
use crate::settings::Settings;
use mapisync::{ComPtr, Error, HRESULT, Result, ResultExt, SyncJob};

/// The delivery of new mail to a store.
pub struct Delivery {
    store: ComPtr<IMsgStore>,
    memory: MapiMemory,
    settings: Settings,
}

impl Delivery {
    /// Prepares a delivery to the *inner* store.
    ///
    /// Effect on the count: none. The pointer moves into the result.
    pub fn new(store: ComPtr<IMsgStore>, memory: MapiMemory, settings: Settings) -> Delivery {
        Delivery { store, memory, settings }
    }

    /// Delivers all messages of the Maildir that have not been delivered yet. A message that the
    /// store refuses is reported and left out, and the next run tries it again.
    ///
    /// Returns `MAPI_W_PARTIAL_COMPLETION` if a message was left out.
    ///
    /// # Errors
    ///
    /// - `MAPI_E_UNCONFIGURED` if no Maildir or no state file is named.
    /// - The code of the error if the Maildir, the state file or the store's inbox cannot be used.
    /// - That of a report if the run is canceled. Messages that were delivered stay delivered.
    pub fn run(&self, job: &SyncJob) -> Result<HRESULT> {
        job.progress(Some("Opening the inbox"), 0, 1)?;
        let unconfigured = |what: &str| Error::new(HRESULT::MAPI_E_UNCONFIGURED, what);
        let maildir = self.settings.maildir.as_ref();
        let maildir = maildir.ok_or_else(|| unconfigured("the profile names no Maildir"))?;
        let state = self.settings.state.as_ref();
        let state = state.ok_or_else(|| unconfigured("the profile names no state file"))?;
        let mut delivered = Delivered::open(state)?;
        let mut messages = maildir::inbox(maildir)?;
        messages.retain(|message| !delivered.contains(&file_key(&message.unique)));
        let inbox = Inbox::open(&self.store, self.memory)?;

        let mut left_out = 0;
        for incoming in job.track("Receiving Inbox", messages) {
            let incoming = incoming?;
            let key = file_key(&incoming.unique);
            match deliver(job, &inbox, &incoming, &delivered) {
                Ok(id) => delivered.add([Some(key), id])?,
                Err(error) => {
                    job.error(error.hresult(), &error.to_string());
                    left_out += 1;
                }
            }
        }
        Ok(match left_out {
            0 => HRESULT::S_OK,
            _ => HRESULT::MAPI_W_PARTIAL_COMPLETION,
        })
    }
}

/// Delivers a message, unless one with the same Message-ID has been delivered. Returns its key.
fn deliver(
    job: &SyncJob,
    inbox: &Inbox,
    incoming: &Incoming,
    delivered: &Delivered,
) -> Result<Option<String>> {
    let parsed = message::parse(&incoming.read()?, incoming);
    let id = parsed.id.as_deref().map(id_key);
    if id.as_ref().is_some_and(|id| delivered.contains(id)) {
        return Ok(None);
    }
    inbox.deliver(&parsed).context(&parsed.title)?;
    if let Some(warning) = &parsed.warning {
        let message = format!("{}: {warning}", parsed.title);
        job.error(HRESULT::MAPI_W_ERRORS_RETURNED, &message);
    }
    Ok(id)
}
