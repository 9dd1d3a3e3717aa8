//! The work of a run: it delivers the new mail of a Maildir to the inner store.
//!
//! 1. `maildir` lists the messages of the inbox. **Replace it with your server.**
//! 2. `delivered` is the file that lists the delivered messages, so that nothing comes twice.
//! 3. `message` parses a message into the properties of MAPI.
//! 4. `inbox` is the inner store's folder for new mail: it creates the messages.
//! 5. `delivery` is the loop.
//! 6. `mapi_thread` initializes MAPI for the thread.

mod delivered;
mod delivery;
mod inbox;
mod maildir;
mod mapi_thread;
mod message;

pub use delivery::Delivery;
pub use mapi_thread::MapiThread;
