//! One end of a socket pair, made ready by shutting the other down.

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

/// The longest that one system call is asked to wait.
const PIECE: Duration = Duration::from_secs(86_400);

impl AsFd for DoneEvent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What makes the event occur, by being dropped.
pub(crate) struct Signal(UnixStream);

impl Drop for Signal {
    fn drop(&mut self) {
        // Shut down, not only closed: a child that was forked in the meantime may hold a copy of the descriptor.
        // It fails where the other end is gone, and with it everybody who could wait.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The lowest descriptor that an event may have. 0 would be the handle NULL. 1 and 2 are written to by `printf` and by
/// panics, in a process that closed its standard output: such a write would make the event ready, fill the socket until
/// the writer blocks, or end the process with SIGPIPE.
const LOWEST: RawFd = 3;

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    loop {
        let (theirs, ours) = UnixStream::pair()?;
        let (theirs, ours) = (OwnedFd::from(theirs), OwnedFd::from(ours));
        let low = theirs.as_raw_fd() < LOWEST || ours.as_raw_fd() < LOWEST;
        let (theirs, signal) = (lift(theirs)?, Signal(lift(ours)?.into()));
        // Another thread may have written to standard output while this end was it. Such a pair is of no use.
        if !low || !wait(&theirs, Some(Duration::ZERO))? {
            return Ok((theirs, signal));
        }
    }
}

/// Moves a descriptor that is one of the standard three to a higher number.
fn lift(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() < LOWEST {
        duplicate(&fd)
    } else {
        Ok(fd)
    }
}

pub(super) fn duplicate(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(fd, LOWEST)?)
}

pub(super) fn wait(fd: &OwnedFd, timeout: Option<Duration>) -> Waited {
    wait_in_pieces(fd, timeout, PIECE)
}

/// Waits in pieces, because not every system accepts every length of time.
fn wait_in_pieces(fd: impl AsFd, timeout: Option<Duration>, piece: Duration) -> Waited {
    let started = Instant::now();
    loop {
        let left = left(timeout, started).unwrap_or(piece).min(piece);
        let limit = Timespec::try_from(left).expect("a day is not too long");
        let mut event = [PollFd::new(&fd, PollFlags::IN)];
        match poll(&mut event, Some(&limit)) {
            Ok(0) if left < piece => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            // `poll` returns at once for a descriptor that is not open, or that this system cannot wait for.
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

/// A descriptor's number is all there is to the handle; descriptors are never negative.
fn handle(fd: RawFd) -> HANDLE {
    ptr::without_provenance_mut(fd as usize)
}

/// # Safety
///
/// If `handle` is an open descriptor, the caller owns it and gives it up.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<OwnedFd> {
    let number = RawFd::try_from(handle.addr())
        .ok()
        .filter(|number| *number > 0)?;
    // SAFETY: `BorrowedFd` asks for an open descriptor, and whether it is one is the question here, so this departs from
    // the letter of its contract, knowingly: the number is not -1, it is used for this one system call, which has a
    // defined answer for every number, and if it is open nobody closes it meanwhile, since the caller owns it.
    fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).ok()?;
    // SAFETY: it is open, the caller gives it up, and `close` is all that a descriptor takes.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// On Unix a library that may be unloaded is linked with `-z nodelete` instead.
pub(crate) fn pin_module() -> io::Result<()> {
    Ok(())
}

/// A number of the running thread. No other thread has it while this one runs, nor while its `JoinHandle` exists.
///
/// `thread::current` would tell threads apart, too, but it panics on a thread whose thread-locals are destroyed. Destructors
/// that run there may drop or join a job.
pub(crate) fn thread_id() -> usize {
    // SAFETY: the signature is that of POSIX. It takes nothing, has no effect, and cannot fail.
    unsafe extern "C" {
        safe fn pthread_self() -> RawPthread;
    }
    pthread_self() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_signalling_end_cannot_hide_the_signal() {
        let (event, signal) = pair().unwrap();
        // What a child has that was forked at the wrong moment.
        let inherited = signal.0.try_clone().unwrap();
        drop(signal);
        assert!(wait(&event, Some(Duration::ZERO)).unwrap());
        drop(inherited);
    }

    #[test]
    fn a_wait_goes_on_after_a_piece_and_ends_with_its_time() {
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
        // SAFETY: no process has this descriptor, and nothing but `poll` gets it, which reports that.
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
            assert!(
                fcntl_getfd(&fd)
                    .unwrap()
                    .contains(rustix::io::FdFlags::CLOEXEC)
            );
        }
    }
}
