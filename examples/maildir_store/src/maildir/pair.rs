//! A folder, and the folder that its messages are copied to.

use super::failure::{Failure, Side};
use super::folder::Folder;
use super::keywords::Keywords;
use super::message::Message;
use super::name::LONGEST;
use super::{private, tmp};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

/// A folder, and the folder that its messages are copied to.
pub struct Pair {
    /// The folder to copy from.
    pub from: Folder,
    /// The folder to copy to.
    pub to: Folder,
    keywords: (Keywords, Keywords),
    /// Separates a name from its flags.
    separator: &'static str,
}

impl Pair {
    /// Pairs two folders. Creates missing directories of `to`, and finds out whether its file names
    /// may have a `:`.
    pub fn open(from: Folder, to: Folder) -> Result<Pair, Failure> {
        to.create_directories().map_err(|error| Side::Target.failure(error))?;
        let keywords = (Keywords::read(from.path()), Keywords::read(to.path()));
        let separator = separator(|name| {
            let probe = to.path().join("tmp").join(name);
            private::create_file(&probe)?;
            fs::remove_file(probe)
        });
        Ok(Pair { from, to, keywords, separator })
    }

    /// Returns the path of a new file in `tmp`.
    pub(super) fn new_tmp(&self) -> PathBuf {
        self.to.path().join("tmp").join(tmp::new_name())
    }

    pub(super) fn copied_name(&self, message: &Message, is_stub: bool) -> OsString {
        let name = message.name();
        let (from, to) = &self.keywords;
        let flags = name.flags.map(|flags| from.translate(flags, to));
        name.copied(is_stub, self.separator, flags.as_deref())
    }

    /// Returns the name of a whole message that replaces a stub: the flags are those of the stub.
    pub(super) fn completed_name(&self, message: &Message, stub: &Message) -> OsString {
        let flags = stub.name().flags;
        message.name().copied(false, self.separator, flags)
    }

    pub(super) fn stub_fits(&self, message: &Message) -> bool {
        message.name().can_be_stub() && self.copied_name(message, true).len() <= LONGEST
    }
}

/// Returns the separator before the flags. Windows and exFAT allow no `:` in file names.
fn separator(create: impl Fn(&str) -> io::Result<()>) -> &'static str {
    let name = tmp::new_name();
    let can_have = |separator: &str| create(&format!("{name}{separator}")).is_ok();
    if cfg!(windows) || (!can_have(":2,") && can_have(";2,")) { ";2," } else { ":2," }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_the_file_system_allows() {
        let refuses_colons = |name: &str| {
            if name.contains(':') { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
        };
        let refuses_all = |_: &str| Err(io::ErrorKind::PermissionDenied.into());
        let usual = if cfg!(windows) { ";2," } else { ":2," };
        assert_eq!(separator(|_| Ok(())), usual);
        assert_eq!(separator(refuses_colons), ";2,");
        assert_eq!(separator(refuses_all), usual);
    }
}
