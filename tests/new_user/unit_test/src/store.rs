use mapisync::{ExclusiveRun, MapiSync, Result, ResultExt, SyncRequest};
use std::{fs, path::PathBuf};

pub struct Store { pub server: PathBuf, pub local: PathBuf, pub run: ExclusiveRun }

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let (server, local) = (self.server.clone(), self.local.clone());    // the thread outlives the call
        self.run.spawn(request, move |job| {            // one run at a time; `self.run.stop` cancels it at logoff
            let inbox: Vec<_> = fs::read_dir(server).and_then(Iterator::collect).context("Inbox")?;
            for message in job.track("Receiving Inbox", inbox) {
                let message = message?;                 // fails if Outlook cancels: `?` ends the run
                fs::copy(message.path(), local.join(message.file_name())).context("Inbox")?;
            }
            Ok(())
        })
    }
}
