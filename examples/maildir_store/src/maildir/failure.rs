//! The failure of a copy, and the side on which it happened.

use mapisync::Error;

/// The side on which a copy has failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    /// The message cannot be read.
    Source,
    /// The folder cannot be written to.
    Target,
    /// The host has ended the work.
    Host,
}

/// The failure of a copy, and its side.
#[derive(Debug)]
pub struct Failure {
    /// The side on which the copy has failed.
    pub side: Side,
    /// The error, which names the file of this side.
    pub error: Error,
}

impl Failure {
    /// Wraps the host's error.
    pub fn host(error: Error) -> Failure {
        Side::Host.failure(error)
    }
}

impl Side {
    pub(super) fn failure(self, error: Error) -> Failure {
        Failure { side: self, error }
    }
}
