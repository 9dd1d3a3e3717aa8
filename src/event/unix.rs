//! The event on Unix: one end of a socket pair. Shutting down the other end makes it ready.

use super::{DoneEvent, Waited, left};
use crate::abi::HANDLE;
use core::ptr;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::thread::RawPthread;
use std::time::{Duration, Instant};

pub(super) type Owned = OwnedFd;

/// The longest timeout of one system call.
const PIECE: Duration = Duration::from_secs(86_400);

impl AsFd for DoneEvent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for DoneEvent {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<DoneEvent> for OwnedFd {
    fn from(event: DoneEvent) -> OwnedFd {
        event.0
    }
}

/// Signals the event when dropped.
pub(crate) struct Signal(UnixStream);

impl Drop for Signal {
    fn drop(&mut self) {
        // Closing it would not suffice, because a forked child may hold a copy of the descriptor.
        // `shutdown` fails only if the other end is closed, so that nothing can wait for it.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The lowest descriptor that an event may have.
///
/// 0 would be the handle NULL. `printf` and panics write to 1 and 2, even after the process has
/// closed its standard output. Such a write would make the event ready, or fill the socket until
/// the writer blocks, or end the process with SIGPIPE.
const LOWEST: RawFd = 3;

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    loop {
        let (theirs, ours) = UnixStream::pair()?;
        let (theirs, ours) = (OwnedFd::from(theirs), OwnedFd::from(ours));
        let low = theirs.as_raw_fd() < LOWEST || ours.as_raw_fd() < LOWEST;
        let (theirs, signal) = (renumber(theirs)?, Signal(renumber(ours)?.into()));
        // While an end was a standard descriptor, another thread may have written to it, which
        // makes the pair useless.
        if !low || !wait(&theirs, Some(Duration::ZERO))? {
            return Ok((theirs, signal));
        }
    }
}

/// Replaces a standard descriptor with a duplicate that has a higher number.
fn renumber(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() < LOWEST { duplicate(&fd) } else { Ok(fd) }
}

pub(super) fn duplicate(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(fd, LOWEST)?)
}

pub(super) fn wait(fd: &OwnedFd, timeout: Option<Duration>) -> Waited {
    wait_in_pieces(fd, timeout, PIECE)
}

/// Waits in pieces, because some systems reject long timeouts.
fn wait_in_pieces(fd: impl AsFd, timeout: Option<Duration>, piece: Duration) -> Waited {
    let started = Instant::now();
    loop {
        let left = left(timeout, started).unwrap_or(piece).min(piece);
        let limit = Timespec::try_from(left).expect("a day is not too long");
        let mut event = [PollFd::new(&fd, PollFlags::IN)];
        match poll(&mut event, Some(&limit)) {
            Ok(0) if left < piece => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            // `poll` returns at once if the descriptor is not open, or if the system cannot wait
            // for it.
            Ok(_) if event[0].revents().contains(PollFlags::NVAL) => {
                return Err(Errno::BADF.into());
            }
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn as_raw(fd: &OwnedFd) -> HANDLE {
    handle(fd.as_raw_fd())
}

pub(super) fn into_raw(fd: OwnedFd) -> HANDLE {
    handle(fd.into_raw_fd())
}

/// Returns the handle of a descriptor, which is its number. Descriptors are never negative.
fn handle(fd: RawFd) -> HANDLE {
    ptr::without_provenance_mut(fd as usize)
}

/// # Safety
///
/// If `handle` is an open descriptor, the caller must own it and give up the ownership.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<OwnedFd> {
    let number = RawFd::try_from(handle.addr()).ok().filter(|number| *number > 0)?;
    // SAFETY: `borrow_raw` requires an open descriptor other than -1. `fcntl_getfd` finds out
    // whether it is open, so this departs deliberately from the letter of that contract. The number
    // is not -1. The borrow is used only for this system call, which has a defined result for every
    // number. If the descriptor is open, it stays open during the call, because the caller owns it
    // by this function's contract.
    fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).ok()?;
    // SAFETY: `from_raw_fd` requires an open descriptor that is owned and that `close` closes.
    // `fcntl` has shown that it is open, the caller gives up its ownership by this function's
    // contract, and `close` closes every descriptor.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Does nothing. On Unix, a library that a host may unload must be linked with `-z nodelete`
/// instead.
pub(crate) fn pin_module() -> io::Result<()> {
    Ok(())
}

/// Returns a number that identifies the current thread. No other thread has it while this thread
/// runs or while its `JoinHandle` exists.
///
/// `thread::current` would also distinguish threads. But it panics on a thread whose thread-locals
/// have been destroyed, and a destructor that runs there may drop or join a job.
pub(crate) fn thread_id() -> usize {
    // SAFETY: the signature is that of POSIX. The function has no arguments and no effect, and
    // cannot fail.
    unsafe extern "C" {
        safe fn pthread_self() -> RawPthread;
    }
    pthread_self() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_signaling_end_cannot_hide_the_signal() {
        let (event, signal) = pair().unwrap();
        // A child that was forked at the wrong moment has such a copy.
        let inherited = signal.0.try_clone().unwrap();
        drop(signal);
        assert!(wait(&event, Some(Duration::ZERO)).unwrap());
        drop(inherited);
    }

    #[test]
    fn a_wait_continues_after_a_piece_and_ends_at_its_timeout() {
        let piece = Duration::from_millis(1);
        let (event, signal) = pair().unwrap();
        let (timeout, started) = (Duration::from_millis(7), Instant::now());
        assert!(!wait_in_pieces(&event, Some(timeout), piece).unwrap());
        assert!(started.elapsed() >= timeout);
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(signal);
        });
        assert!(wait_in_pieces(&event, None, piece).unwrap());
        later.join().unwrap();
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_an_error_and_not_an_event() {
        // SAFETY: `borrow_raw` requires an open descriptor other than -1. No process has this one,
        // and only `poll` receives it, which has a defined result for it.
        let closed = unsafe { BorrowedFd::borrow_raw(RawFd::MAX - 1) };
        for timeout in [Some(Duration::ZERO), None] {
            let error = wait_in_pieces(closed, timeout, PIECE).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::BADF.raw_os_error()));
        }
    }

    #[test]
    fn handles_are_closed_on_exec() {
        let (event, signal) = pair().unwrap();
        for fd in [
            event.try_clone().unwrap(),
            duplicate(&event).unwrap(),
            event,
            signal.0.try_clone().unwrap().into(),
        ] {
            assert!(fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        }
    }
}
