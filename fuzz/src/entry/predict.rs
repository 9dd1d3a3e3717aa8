//! Predicts the results of a call from the program.

use super::program::{
    Callback, EventLocation, Fate, Handle, Memory, Method, Return, Size, Start, SyncCall, When,
};
use super::work::Outcome;
use mapisync::HRESULT;
use mapisync::abi::MAPISIB;

impl Memory {
    /// Returns `ulSize`, or `None` for a NULL request.
    pub fn size(&self) -> Option<u32> {
        match self {
            Memory::Whole { .. } => Some(size_of::<MAPISIB>() as u32),
            Memory::Null => None,
            Memory::Sized { size, .. } => Some(match size {
                Size::Near(near) => u32::from(near % 48),
                Size::Any(size) => *size,
            }),
        }
    }
}

impl SyncCall {
    /// Returns the code with which the thunk fails without a call of the store, if it fails.
    pub fn early_refusal(&self) -> Option<HRESULT> {
        match (self.memory.size(), &self.location) {
            (None, _) => Some(HRESULT::E_POINTER),
            (Some(size), _) if (size as usize) < size_of::<MAPISIB>() => {
                Some(HRESULT::E_INVALIDARG)
            }
            (_, EventLocation::Null) => Some(HRESULT::E_INVALIDARG),
            _ => None,
        }
    }
}

impl Callback {
    /// Returns the code with which a start fails because of the callback, if it fails.
    pub fn refusal(&self) -> Option<HRESULT> {
        match self {
            Callback::Foreign { query, .. } => query.refusal(),
            _ => None,
        }
    }
}

impl Method {
    /// Returns `Ok` if the call succeeds and a run is started, otherwise the code of the failure.
    /// `refusal` is the code with which a start fails.
    pub fn result(&self, refusal: Option<HRESULT>) -> Result<(), HRESULT> {
        let tries = !matches!(self.start, Start::Nothing);
        match (refusal, &self.start) {
            (None, _) if tries => return Ok(()),
            // The method drops the closure, which has not run.
            (Some(_), Start::Spawn(spawn)) if spawn.capture_panics => {
                return Err(HRESULT::E_UNEXPECTED);
            }
            (Some(refusal), _) if tries && self.propagates => return Err(refusal),
            _ => {}
        }
        match &self.returns {
            // The thunk then starts the run.
            Return::Ok => refusal.map_or(Ok(()), Err),
            Return::Err(failure) => Err(failure.code()),
            Return::Panic(_) => Err(HRESULT::E_UNEXPECTED),
        }
    }

    /// Returns the failure of the method after a successful start, if it fails.
    pub fn failure(&self) -> Option<Outcome> {
        match (&self.start, &self.returns) {
            (
                Start::Job {
                    fate: Fate::Panic(_),
                    ..
                },
                _,
            )
            | (_, Return::Panic(_)) => Some(Outcome::panic()),
            (_, Return::Err(failure)) => Some(Outcome::failure(failure)),
            (_, Return::Ok) => None,
        }
    }

    /// Returns whether the store cancels the run after the call.
    pub fn cancels(&self) -> bool {
        matches!(&self.start, Start::Spawn(spawn)
            if spawn.when != When::InCall && spawn.handle == Handle::CancelAndJoin)
    }

    /// Returns when the job is ended, if a thread ends it.
    fn when(&self) -> Option<When> {
        match &self.start {
            Start::Spawn(spawn) => Some(spawn.when),
            Start::Job {
                fate: Fate::Thread { when, .. },
                ..
            } => Some(*when),
            _ => None,
        }
    }

    /// Returns whether nothing can cancel the job while it works.
    pub fn is_exact(&self) -> bool {
        self.when() != Some(When::Free) || (self.failure().is_none() && !self.cancels())
    }

    /// Returns the possible outcomes of the run: several if two threads race to end it. `own` is
    /// the outcome by the store.
    pub fn outcomes(&self, own: Option<Outcome>) -> Vec<Outcome> {
        let own = own.unwrap_or(match self.start {
            Start::Nothing => Outcome::status(HRESULT::S_OK),
            _ => Outcome::ABORTED,
        });
        let in_call = matches!(&self.start, Start::Nothing)
            || matches!(
                &self.start,
                Start::Job {
                    fate: Fate::Finish(_) | Fate::Shared(_),
                    ..
                }
            )
            || self.when() == Some(When::InCall);
        match self.failure() {
            Some(failure) if self.when() == Some(When::Free) => vec![own, failure],
            Some(failure) if !in_call => vec![failure],
            _ => vec![own],
        }
    }

    /// Returns whether several threads report at the same time, in an unpredictable order.
    pub fn is_shared(&self) -> bool {
        matches!(
            &self.start,
            Start::Job {
                fate: Fate::Shared(_),
                ..
            }
        )
    }
}
