//! Which messages of a folder another folder has already.
//!
//! A mailbox may hold millions of messages, so their names are never all in memory: eight bytes of
//! a hash are enough to tell them apart. Each run has its own hash function. Two names with one
//! hash, of which the second is then missed, are therefore repaired by the next run.

use super::copy::have_same_bytes;
use super::failure::Side;
use super::folder::{Entry, Folder};
use super::message::Message;
use super::publish::remove_redundant_stubs;
use super::{Failure, GoOn, Part, with_path};
use mapisync::Result;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io;

/// The most names of stubs in memory. If there are more, the folder is compared in several passes.
const MOST_STUBS: usize = 1 << 16;

/// The most listings of a folder that a mail reader changes: a file that is renamed during a
/// listing may not be listed at all.
const LISTINGS: usize = 5;

/// The messages that a folder has.
pub struct Present<'a> {
    hasher: &'a RandomState,
    /// The sorted hashes of the messages' keys.
    hashes: Vec<u64>,
    /// The stubs of this pass, by the hash of their key.
    stubs: HashMap<u64, Message>,
    pass: u64,
    passes: u64,
}

/// The result of handling a missing message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Handled {
    /// The message is not passed again.
    Done,
    /// The message was renamed or deleted since it was listed. It is passed again if it is found.
    Gone,
    /// The folder is to be left.
    Stop,
}

/// A function that gets each missing message, and its stub if there is one.
pub type Handler<'a> =
    dyn FnMut(Result<&Message, Failure>, Option<&Message>) -> Result<Handled> + 'a;

impl<'a> Present<'a> {
    /// Lists a folder. If `part` is the whole message, stubs do not count as present. Fails if the
    /// folder cannot be listed: messages might then be copied twice. Entries that are not messages
    /// are passed by.
    pub fn read(
        to: &Folder,
        part: Part,
        hasher: &'a RandomState,
        go_on: GoOn<'_>,
    ) -> Result<Present<'a>> {
        let mut present =
            Present { hasher, hashes: vec![], stubs: HashMap::new(), pass: 0, passes: 1 };
        let stubs = present.list(to, part, go_on)?;
        present.passes = (stubs / MOST_STUBS) as u64 + 1;
        Ok(present)
    }

    /// Lists the folder again if it changes during the listing. Returns the number of stubs.
    fn list(&mut self, to: &Folder, part: Part, go_on: GoOn<'_>) -> Result<usize> {
        let mut stubs = 0;
        for _ in 0..LISTINGS {
            let before = to.listing_time();
            stubs = 0;
            let known = self.hashes.len();
            for entry in to.entries() {
                go_on()?;
                let Entry::Message(message) = entry? else {
                    continue;
                };
                let hash = self.hash(&message);
                if message.is_stub() && part == Part::Whole {
                    stubs += 1;
                    if hash % self.passes == self.pass && self.stubs.len() <= MOST_STUBS {
                        self.stubs.insert(hash, message);
                    }
                } else if self.pass == 0 && self.hashes[..known].binary_search(&hash).is_err() {
                    self.hashes.push(hash);
                }
            }
            self.hashes.sort_unstable();
            self.hashes.dedup();
            go_on()?;
            if before.is_some() && before == to.listing_time() {
                break;
            }
        }
        Ok(stubs)
    }

    /// Returns the number of messages of `from` that are missing, and of entries that are not
    /// messages.
    pub fn count_missing(&self, from: &Folder, go_on: GoOn<'_>) -> Result<usize> {
        let mut missing = 0;
        for entry in from.entries() {
            go_on()?;
            missing += match entry {
                Ok(Entry::Message(message)) => usize::from(self.is_missing(&message)),
                Ok(Entry::Other(_)) => 1,
                Err(_) => 0,
            };
        }
        Ok(missing)
    }

    fn is_missing(&self, message: &Message) -> bool {
        !message.is_stub() && self.hashes.binary_search(&self.hash(message)).is_err()
    }

    /// Calls `handle` with each message of `from` that is missing, and with its stub if there is
    /// one. Calls it with an error for each entry that cannot be read or is not a message, and for
    /// each message that has the same name as another one.
    pub fn for_each_missing(
        mut self,
        from: &Folder,
        to: &Folder,
        go_on: GoOn<'_>,
        handle: &mut Handler<'_>,
    ) -> Result<()> {
        // A stub next to its whole message is one that a killed run could not remove.
        for (hash, stub) in &self.stubs {
            if self.hashes.binary_search(hash).is_ok() {
                remove_redundant_stubs(to, stub);
            }
        }
        let mut names = Names { seen: vec![false; self.hashes.len()], ..Names::default() };
        for pass in 0..self.passes {
            if self.passes > 1 {
                self.pass = pass;
                self.stubs.clear();
                self.list(to, Part::Whole, go_on)?;
                names.seen.resize(self.hashes.len(), false);
            }
            if !self.pass_over(from, go_on, &mut names, handle)? {
                return Ok(());
            }
        }
        names.report_twins(from, self.hasher, go_on, handle)
    }

    /// Passes the messages of one pass to `handle`. Returns false if the folder is to be left.
    fn pass_over(
        &self,
        from: &Folder,
        go_on: GoOn<'_>,
        names: &mut Names,
        handle: &mut Handler<'_>,
    ) -> Result<bool> {
        for round in 0..LISTINGS {
            let mut gone = HashSet::new();
            for entry in from.entries() {
                go_on()?;
                let message = match entry.and_then(Entry::into_message) {
                    Ok(message) if !message.is_stub() => message,
                    Ok(_) => continue,
                    Err(error) if round == 0 && self.pass == 0 => {
                        if handle(Err(Side::Source.failure(error)), None)? == Handled::Stop {
                            return Ok(false);
                        }
                        continue;
                    }
                    Err(_) => continue,
                };
                let hash = self.hash(&message);
                if hash % self.passes != self.pass || (round > 0 && !names.gone.contains(&hash)) {
                    continue;
                }
                if let Ok(at) = self.hashes.binary_search(&hash) {
                    if std::mem::replace(&mut names.seen[at], true) {
                        names.twins.insert(hash);
                    }
                } else if names.handled.contains(&hash) {
                    names.twins.insert(hash);
                } else {
                    match handle(Ok(&message), self.stubs.get(&hash))? {
                        Handled::Done => drop(names.handled.insert(hash)),
                        Handled::Gone => drop(gone.insert(hash)),
                        Handled::Stop => return Ok(false),
                    }
                }
            }
            gone.retain(|hash| !names.handled.contains(hash));
            names.gone = gone;
            if names.gone.is_empty() {
                break;
            }
        }
        Ok(true)
    }

    fn hash(&self, message: &Message) -> u64 {
        self.hasher.hash_one(message.key())
    }
}

/// The hashes of the names in the folder to copy from.
#[derive(Default)]
struct Names {
    /// Whether the name with the same index in `Present::hashes` was listed.
    seen: Vec<bool>,
    handled: HashSet<u64>,
    /// Messages that were renamed after they were listed.
    gone: HashSet<u64>,
    /// Names that were listed twice.
    twins: HashSet<u64>,
}

impl Names {
    /// Calls `handle` with an error for each message that has the same name as another one, but
    /// other bytes. A message that was moved during the listing is listed twice and is no twin.
    fn report_twins(
        &self,
        from: &Folder,
        hasher: &RandomState,
        go_on: GoOn<'_>,
        handle: &mut Handler<'_>,
    ) -> Result<()> {
        if self.twins.is_empty() {
            return Ok(());
        }
        let mut firsts = HashMap::<u64, Message>::new();
        for entry in from.entries() {
            go_on()?;
            let Ok(Entry::Message(message)) = entry else {
                continue;
            };
            let hash = hasher.hash_one(message.key());
            if message.is_stub() || !self.twins.contains(&hash) {
                continue;
            }
            let Some(first) = firsts.get(&hash) else {
                firsts.insert(hash, message);
                continue;
            };
            let (path, first) = (message.path(from), first.path(from));
            let is_twin = || path.symlink_metadata().is_ok() && first.symlink_metadata().is_ok();
            if have_same_bytes(&first, &path, go_on)? || !is_twin() {
                continue;
            }
            let error = io::Error::other("another message has the same name");
            let failure = Side::Source.failure(with_path(&path, error));
            if handle(Err(failure), None)? == Handled::Stop {
                break;
            }
        }
        Ok(())
    }
}
