//! Mail folders on disk, as Dovecot, Postfix and mutt keep them. Nothing here knows about
//! synchronization or COM.
//!
//! A *Maildir* is a directory with the subdirectories `cur`, `new` and `tmp`. Each file in `cur`
//! and `new` is a message. Its name begins with a part that is unique and never changes. After
//! `:2,` come flags, which mail readers change at any time. In a *Maildir++* each subfolder is a
//! Maildir too, next to those three directories. Its name is `.Parent.Child`, in modified UTF-7.
//!
//! Every error names the path, and has the code of the [`io::Error`].
//!
//! - [`Maildir`] is a tree, [`Folder`] one folder of it, and [`Message`] one file.
//! - [`Present`] tells which messages of a folder another one lacks.
//! - [`Batch`] copies messages, and writes many of them to the disk at once.
//! - [`TreeLock`] keeps other runs away from a tree.
//!
//! ```
//! use maildir_store::maildir::{Batch, Entry, Maildir, Pair, Part};
//! use std::rc::Rc;
//!
//! # let directory = tempfile::tempdir()?;
//! let server = Maildir::open(maildir_store::SAMPLE.as_ref())?;
//! let local = Maildir::open_or_create(&directory.path().join("local"))?;
//! let _lock = local.lock()?;
//! let mut batch = Batch::new();
//! let go_on = || Ok(()); // a call to it may end the work, with its error
//! for folder in server.folders()? {
//!     let from = folder?;
//!     let to = local.folder(&from);
//!     let pair = Rc::new(Pair::open(from, to).map_err(|failure| failure.error)?);
//!     for entry in pair.from.entries() {
//!         if let Entry::Message(message) = entry? {
//!             batch.add(&pair, &message, None, Part::Whole, 0, &go_on).map_err(|failure| failure.error)?;
//!         }
//!     }
//! }
//! batch.flush(&go_on).map_err(|failure| failure.error)?;
//! let mut bytes = 0;
//! while let Some((_, delivered)) = batch.publish_next() {
//!     bytes += delivered.map_err(|failure| failure.error)?.unwrap_or(0);
//! }
//! assert_eq!(bytes, 27_410);
//! # Ok::<(), mapisync::Error>(())
//! ```

mod batch;
mod copy;
mod exact_names;
mod failure;
#[cfg(target_os = "linux")]
mod file_system;
#[cfg(not(target_os = "linux"))]
#[path = "no_file_system.rs"]
mod file_system;
mod folder;
mod folder_name;
mod keywords;
mod lock;
mod message;
mod name;
mod pair;
mod present;
mod private;
mod publish;
mod tmp;
mod tree;
mod unflushed;

pub use batch::{Added, Batch};
pub use copy::Part;
pub use exact_names::ExactNames;
pub use failure::{Failure, Side};
pub use folder::{Entry, Folder};
pub use folder_name::Labels;
pub use lock::TreeLock;
pub use message::Message;
pub use pair::Pair;
pub use present::{Handled, Handler, Present};
pub use tree::Maildir;

use mapisync::Result;
use std::io;
use std::path::Path;

/// A function that long work calls often, at least once for each entry of a listing and for each
/// 64 KiB of a message. If it fails, the work ends with its error.
pub type GoOn<'a> = &'a dyn Fn() -> Result<()>;

/// Adds the path to the message, because the system's message does not have it. The kind, which
/// determines the `HRESULT`, stays the same.
fn with_path(path: &Path, error: io::Error) -> mapisync::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}
