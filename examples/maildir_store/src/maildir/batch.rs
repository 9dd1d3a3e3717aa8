//! Copies messages in batches. A batch is written to `tmp`, flushed to the disk at once, and then
//! moved to `new` and `cur`, message by message.
//!
//! Mail readers therefore see a whole message or nothing, even if the machine loses power. A move
//! may be lost, and then the next run repeats it.

use super::copy::{Copy, Part, open};
use super::failure::{Failure, Side};
use super::folder::Folder;
use super::message::Message;
use super::pair::Pair;
use super::publish::{complete, publish};
use super::unflushed::Unflushed;
use super::{GoOn, private, with_path};
use mapisync::Error;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The most messages in a batch.
const MOST_MESSAGES: usize = 256;

/// The bytes after which a batch is complete.
const MOST_BYTES: u64 = 32 << 20;

/// The result of adding a message to a batch.
#[derive(Debug, PartialEq)]
pub enum Added {
    /// The message is in the batch.
    Added,
    /// Another program has renamed or deleted the message since it was listed.
    Gone,
}

/// A message in `tmp`.
struct Pending {
    pair: Rc<Pair>,
    tmp: PathBuf,
    message: Message,
    /// Whether only the header was copied.
    is_stub: bool,
    /// The stub to replace.
    stub: Option<Message>,
    bytes: u64,
    ticket: usize,
}

/// Messages on their way. See the [module](super) for an example.
#[derive(Default)]
pub struct Batch {
    pending: VecDeque<Pending>,
    bytes: u64,
    unflushed: Option<Unflushed>,
    /// The tests' replacement for the disk.
    #[cfg(test)]
    flush: Option<fn(Unflushed) -> io::Result<()>>,
}

impl Batch {
    /// Creates an empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Returns whether a message for this folder can be added. If not, the batch must first be
    /// flushed and published.
    pub fn has_room(&self, to: &Folder) -> bool {
        self.pending.len() < MOST_MESSAGES
            && self.bytes < MOST_BYTES
            && self.unflushed.as_ref().is_none_or(|unflushed| unflushed.covers(to))
    }

    /// Returns the tickets of the messages in the batch.
    pub fn tickets(&self) -> impl Iterator<Item = usize> {
        self.pending.iter().map(|pending| pending.ticket)
    }

    /// Copies a message, or its header, to `tmp`. `stub` is the stub that it replaces. The caller
    /// gets the ticket back from [`publish_next`](Batch::publish_next).
    ///
    /// The file has the time of the original, which IMAP servers report as the date of receipt.
    pub fn add(
        &mut self,
        pair: &Rc<Pair>,
        message: &Message,
        stub: Option<&Message>,
        part: Part,
        ticket: usize,
        go_on: GoOn<'_>,
    ) -> Result<Added, Failure> {
        let source = message.path(&pair.from);
        let read_failure = |error| Side::Source.failure(with_path(&source, error));
        let reader = match open(&source) {
            Ok(file) => file,
            // A mail reader has changed its flags, and so its name, or has deleted it.
            Err(_) if source.symlink_metadata().is_err() => return Ok(Added::Gone),
            Err(error) => return Err(read_failure(error)),
        };
        let modified = reader.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.map_err(read_failure)?;

        let folder = pair.to.path();
        let target = folder.join(message.sub).join(&message.file_name);
        let write_failure = |error| Side::Target.failure(with_path(&target, error));
        let unflushed = match &mut self.unflushed {
            Some(unflushed) => unflushed,
            none => none.insert(Unflushed::new(&pair.to).map_err(write_failure)?),
        };
        let tmp = pair.new_tmp();
        let writer = private::create_file(&tmp).map_err(write_failure)?;
        let part = if pair.stub_fits(message) { part } else { Part::Whole };
        let copied = Copy::new(reader, &source, &writer, &target, go_on).copy(part);
        let finish = |is_whole: bool| {
            let bytes = writer.metadata().map_err(write_failure)?.len();
            writer.set_modified(modified).map_err(write_failure)?;
            Ok((is_whole, bytes))
        };
        let (is_whole, bytes) = copied.and_then(finish).inspect_err(|failure| {
            if failure.side != Side::Host {
                let _next_run_removes_it = fs::remove_file(&tmp);
            }
        })?;
        unflushed.add(writer);
        self.bytes += bytes;
        self.pending.push_back(Pending {
            pair: pair.clone(),
            tmp,
            message: message.clone(),
            is_stub: !is_whole,
            stub: stub.cloned(),
            bytes,
            ticket,
        });
        Ok(Added::Added)
    }

    /// Writes all messages of the batch to the disk. Another thread does it, so that `go_on` is
    /// called while it takes. If `go_on` fails, the batch stays in `tmp`, and the next run removes
    /// it. After any failure the batch is empty.
    pub fn flush(&mut self, go_on: GoOn<'_>) -> Result<(), Failure> {
        self.bytes = 0;
        let Some(unflushed) = self.unflushed.take() else {
            return Ok(());
        };
        #[cfg(not(test))]
        let flush = Unflushed::flush;
        #[cfg(test)]
        let flush = self.flush.unwrap_or(Unflushed::flush);
        let result = on_another_thread(move || flush(unflushed), go_on);
        let failure = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => {
                let tmp = self.pending.front().map(|pending| pending.tmp.clone());
                for pending in &self.pending {
                    let _next_run_removes_it = fs::remove_file(&pending.tmp);
                }
                Side::Target.failure(with_path(&tmp.unwrap_or_default(), error))
            }
            Err(error) => Side::Host.failure(error),
        };
        self.pending.clear();
        Err(failure)
    }

    /// Moves the next message of a flushed batch to its place. Returns its ticket, and the number
    /// of bytes, or `None` if another program has delivered the message. Returns `None` after the
    /// last message.
    pub fn publish_next(&mut self) -> Option<(usize, Result<Option<u64>, Failure>)> {
        let Pending { pair, tmp, message, is_stub, stub, bytes, ticket } =
            self.pending.pop_front()?;
        debug_assert!(self.unflushed.is_none(), "the batch is flushed");
        let published = match stub {
            Some(stub) => complete(&pair, &tmp, &message, stub),
            None => {
                let name = pair.copied_name(&message, is_stub);
                publish(&tmp, &pair.to.path().join(message.sub).join(name))
            }
        };
        let published = published.map(|is_new| is_new.then_some(bytes));
        let published = published.map_err(|error| {
            let _next_run_removes_it = fs::remove_file(&tmp);
            Side::Target.failure(error)
        });
        Some((ticket, published))
    }
}

/// Runs a function on another thread, and calls `go_on` until it ends. If `go_on` fails, the
/// function is left to itself.
fn on_another_thread(
    function: impl FnOnce() -> io::Result<()> + Send + 'static,
    go_on: GoOn<'_>,
) -> Result<io::Result<()>, Error> {
    /// Less than the interval between two reports to the host.
    const INTERVAL: Duration = Duration::from_millis(20);
    let (sender, receiver) = mpsc::channel();
    let work = move || drop(sender.send(function()));
    let thread = match thread::Builder::new().name("flush".into()).spawn(work) {
        Ok(thread) => thread,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        match receiver.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) => go_on()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(io::Error::other("a panic"))),
            Ok(result) => {
                let _ended = thread.join();
                return Ok(result);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Maildir};
    use super::*;
    use mapisync::HRESULT;
    use std::cell::Cell;
    use std::path::Path;
    use std::sync::{Condvar, Mutex};
    use test_support::wait_until;

    /// Creates two trees with `count` messages in the first, and adds these to the batch.
    fn filled(dir: &Path, count: usize, batch: &mut Batch) -> Rc<Pair> {
        let [from, to] = ["from", "to"].map(|name| {
            let tree = Maildir::open_or_create(&dir.join(name)).unwrap();
            tree.folders().unwrap().remove(0).unwrap()
        });
        for n in 0..count {
            fs::write(from.path().join(format!("new/{n}")), "mail").unwrap();
        }
        let pair = Rc::new(Pair::open(from, to).unwrap());
        for entry in pair.from.entries() {
            if let Ok(Entry::Message(message)) = entry {
                if batch.has_room(&pair.to) {
                    let added = batch.add(&pair, &message, None, Part::Whole, 0, &|| Ok(()));
                    assert_eq!(added.unwrap(), Added::Added);
                }
            }
        }
        pair
    }

    fn files(pair: &Pair, sub: &str) -> usize {
        fs::read_dir(pair.to.path().join(sub)).unwrap().count()
    }

    #[test]
    fn a_batch_has_at_most_256_messages_and_is_published_only_after_it_is_flushed() {
        let dir = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        let pair = filled(dir.path(), 300, &mut batch);
        let most = batch.tickets().count();
        assert!(most == MOST_MESSAGES || most == Unflushed::MOST_OPEN, "{most}");
        assert_eq!((files(&pair, "tmp"), files(&pair, "new")), (most, 0));
        batch.flush(&|| Ok(())).unwrap();
        assert_eq!((files(&pair, "tmp"), files(&pair, "new")), (most, 0));
        while let Some((_, published)) = batch.publish_next() {
            assert_eq!(published.unwrap(), Some(4));
        }
        assert_eq!((files(&pair, "tmp"), files(&pair, "new")), (0, most));
        assert!(batch.has_room(&pair.to));
    }

    #[test]
    fn a_batch_is_full_after_32_mib() {
        let dir = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        let pair = filled(dir.path(), 1, &mut batch);
        batch.bytes = MOST_BYTES - 1;
        assert!(batch.has_room(&pair.to));
        batch.bytes = MOST_BYTES;
        assert!(!batch.has_room(&pair.to));
    }

    #[test]
    fn a_batch_that_cannot_be_flushed_is_not_published() {
        let dir = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        batch.flush = Some(|_| Err(io::Error::other("the disk is broken")));
        let pair = filled(dir.path(), 3, &mut batch);
        let failure = batch.flush(&|| Ok(())).unwrap_err();
        assert_eq!(failure.side, Side::Target);
        assert!(failure.error.to_string().ends_with("the disk is broken"));
        assert!(batch.publish_next().is_none());
        assert_eq!((files(&pair, "tmp"), files(&pair, "new")), (0, 0));
    }

    #[test]
    fn a_cancellation_during_a_flush_leaves_the_batch_in_tmp() {
        static ENDS: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
        let dir = tempfile::tempdir().unwrap();
        let mut batch = Batch::new();
        batch.flush = Some(|_| {
            let ends = ENDS.0.lock().unwrap();
            drop(ENDS.1.wait_while(ends, |ends| !*ends).unwrap());
            Ok(())
        });
        let pair = filled(dir.path(), 3, &mut batch);
        let calls = Cell::new(0);
        let cancel = || {
            calls.set(calls.get() + 1);
            if calls.get() < 3 {
                return Ok(());
            }
            Err(Error::Canceled)
        };
        let failure = batch.flush(&cancel).unwrap_err();
        assert_eq!(failure.side, Side::Host);
        assert_eq!(failure.error.hresult(), HRESULT::MAPI_E_USER_CANCEL);
        assert!(batch.publish_next().is_none());
        assert_eq!((files(&pair, "tmp"), files(&pair, "new")), (3, 0));
        *ENDS.0.lock().unwrap() = true;
        ENDS.1.notify_all();
        // The next run removes the files. Windows lets it only after the other thread has closed them.
        wait_until(|| {
            pair.to.remove_leftovers();
            files(&pair, "tmp") == 0
        });
    }
}
