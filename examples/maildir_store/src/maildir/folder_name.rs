//! The name of a folder, as mail readers show it: `.Archiv.Entw&APw-rfe` is `Archiv/Entwürfe`.
//!
//! The crate `utf7-imap` panics for a name that is not well-formed, and any mail program can create
//! one. `base64` has the alphabet, so only the two shifts are left to do.

use super::folder::Folder;
use base64::Engine;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use std::collections::HashSet;
use std::fmt;

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name().is_empty() {
            return f.write_str("Inbox");
        }
        let name = self.name().to_string_lossy();
        let parts = name.trim_start_matches('.').split('.');
        let parts: Vec<_> = parts.map(|part| decode(part).unwrap_or_else(|| part.into())).collect();
        f.write_str(&parts.join("/"))
    }
}

/// Gives no two folders the same label. `.Inbox` next to the inbox is `Inbox (.Inbox)`.
///
/// ```
/// use maildir_store::maildir::{Labels, Maildir};
///
/// # let directory = tempfile::tempdir()?;
/// # let root = directory.path().join("mail");
/// let tree = Maildir::open_or_create(&root)?;
/// std::fs::create_dir_all(root.join(".Inbox/cur"))?;
/// let mut labels = Labels::default();
/// let folders = tree.folders()?.into_iter().flatten();
/// let labels: Vec<String> = folders.map(|folder| labels.label(&folder)).collect();
/// assert_eq!(labels, ["Inbox", "Inbox (.Inbox)"]);
/// # Ok::<(), mapisync::Error>(())
/// ```
#[derive(Default)]
pub struct Labels(HashSet<String>);

impl Labels {
    /// Returns the name of the folder as mail readers show it. If another folder has this label
    /// already, the name of the directory follows.
    pub fn label(&mut self, folder: &Folder) -> String {
        let mut label = folder.to_string();
        while !self.0.insert(label.clone()) {
            let name = folder.name();
            label = match name.to_str() {
                Some(name) => format!("{label} ({name})"),
                None => format!("{label} ({})", name.as_encoded_bytes().escape_ascii()),
            };
        }
        label
    }
}

/// Decodes modified UTF-7 (RFC 3501, 5.1.3). Returns `None` if the name is not well-formed.
fn decode(name: &str) -> Option<String> {
    const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::IMAP_MUTF7, NO_PAD);
    let (mut decoded, mut rest) = (String::new(), name);
    while let Some((plain, encoded)) = rest.split_once('&') {
        let (encoded, after) = encoded.split_once('-')?;
        let bytes = BASE64.decode(encoded).ok()?;
        let units = bytes.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
        let characters = String::from_utf16(&units.collect::<Vec<_>>()).ok()?;
        decoded += plain;
        decoded += if encoded.is_empty() { "&" } else { &characters };
        rest = after;
    }
    Some(decoded + rest)
}
