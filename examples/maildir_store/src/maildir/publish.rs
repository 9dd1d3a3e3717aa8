//! Moves a message from `tmp` to its place, where mail readers see it. It never overwrites a file,
//! and leaves no stub next to the whole message.

use super::exact_names::ExactNames;
use super::folder::Folder;
use super::message::Message;
use super::pair::Pair;
use super::with_path;
use mapisync::Result;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The number of times that a mail reader may rename a stub while it is replaced.
const RENAMES: usize = 20;

/// Moves a new message to its place. Returns false if another program has delivered it.
pub(super) fn publish(tmp: &Path, target: &Path) -> Result<bool> {
    let is_new = match link(tmp, target) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Fails if only a name that differs in case is listed.
            let names = target.parent().map(ExactNames::read).transpose()?;
            let name = target.file_name().unwrap_or_default();
            names.map(|names| names.exists(name)).transpose()?;
            false
        }
        result => result.map(|()| true).map_err(|error| with_path(target, error))?,
    };
    let _next_run_removes_it = fs::remove_file(tmp);
    Ok(is_new)
}

/// Replaces a stub by the whole message in `tmp`, under the present flags of the stub. Returns
/// false if there is no stub any more, or if another program has delivered the message.
pub(super) fn complete(pair: &Pair, tmp: &Path, message: &Message, stub: Message) -> Result<bool> {
    let to = &pair.to;
    let key = message.key();
    let find = || to.find(|found| found.is_stub() && found.key() == key);
    let exists = |message: &Message| message.path(to).symlink_metadata().is_ok();
    // A mail reader may have renamed the stub, which changes its flags.
    let Some(mut stub) = Some(stub).filter(exists).or_else(find) else {
        let _next_run_removes_it = fs::remove_file(tmp);
        return Ok(false);
    };
    let whole =
        |stub: &Message| Message { sub: stub.sub, file_name: pair.completed_name(message, stub) };
    let mut target = whole(&stub).path(to);
    let is_new = publish(tmp, &target)?;
    for _ in 0..RENAMES {
        match fs::remove_file(stub.path(to)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => {
                return result.map(|()| is_new).map_err(|error| with_path(&target, error));
            }
        }
        // The stub was renamed after the message was put next to it. The message follows.
        let Some(renamed) = find() else { break };
        let followed = whole(&renamed).path(to);
        if link(&target, &followed).is_ok() {
            let _another_reader_renamed_it = fs::remove_file(&target);
            target = followed;
        }
        stub = renamed;
    }
    Ok(is_new)
}

/// Removes the stubs next to their whole message, which a killed run has left there: `stub`, and one
/// with another path. Does nothing if the whole message is not there.
pub(super) fn remove_redundant_stubs(to: &Folder, stub: &Message) {
    let key = stub.key();
    if to.find(|found| !found.is_stub() && found.key() == key).is_none() {
        return;
    }
    while let Some(stub) = to.find(|found| found.is_stub() && found.key() == key) {
        if fs::remove_file(stub.path(to)).is_err() {
            return; // the next run tries again
        }
    }
}

/// Gives a file a second name. Fails if the name exists. Where a file cannot have two names, as on
/// exFAT, the file is renamed.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let result = fs::hard_link(from, to);
    match &result {
        Err(error)
            if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {}
        _ => return result,
    }
    if to.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}
