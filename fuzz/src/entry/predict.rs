//! What has to come of a call, from what the program says of it.

use super::program::{
    Call, Callback, Fate, Handle, Memory, Method, Return, Size, Slot, Start, When,
};
use super::work::Ending;
use mapisync::HRESULT;
use mapisync::abi::MAPISIB;

impl Memory {
    /// `ulSize`; `None` for no structure at all.
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

impl Call {
    /// What is answered without the store's being asked, if anything.
    pub fn refused_unasked(&self) -> Option<HRESULT> {
        match (self.memory.size(), &self.slot) {
            (None, _) => Some(HRESULT::E_POINTER),
            (Some(size), _) if (size as usize) < size_of::<MAPISIB>() => {
                Some(HRESULT::E_INVALIDARG)
            }
            (_, Slot::Null) => Some(HRESULT::E_INVALIDARG),
            _ => None,
        }
    }
}

impl Callback {
    /// What a start fails with because of it, if anything.
    pub fn refusal(&self) -> Option<HRESULT> {
        match self {
            Callback::Foreign { query, .. } => query.refusal(),
            _ => None,
        }
    }
}

impl Method {
    /// What the method answers in the end, and whether a run is under way then. `refusal` is what a start fails with.
    pub fn answer(&self, refusal: Option<HRESULT>) -> Result<(), HRESULT> {
        let tries = !matches!(self.start, Start::Nothing);
        match (refusal, &self.start) {
            (None, _) if tries => return Ok(()),
            // The closure is dropped unrun, in the method.
            (Some(_), Start::Spawn(spawn)) if spawn.bomb => return Err(HRESULT::E_UNEXPECTED),
            (Some(refusal), _) if tries && self.heeds => return Err(refusal),
            _ => {}
        }
        match &self.returns {
            // It is started for the store, then.
            Return::Ok => refusal.map_or(Ok(()), Err),
            Return::Err(failure) => Err(failure.code()),
            Return::Panic(_) => Err(HRESULT::E_UNEXPECTED),
        }
    }

    /// How the method fails after a start that succeeded, if it does.
    pub fn failure(&self) -> Option<Ending> {
        let panic = match (&self.start, &self.returns) {
            (
                Start::Job {
                    fate: Fate::Panic(panic),
                    ..
                },
                _,
            )
            | (_, Return::Panic(panic)) => panic,
            (_, Return::Err(failure)) => return Some(Ending::failure(failure)),
            (_, Return::Ok) => return None,
        };
        Some(Ending::panic())
    }

    /// Whether the store cancels the run after the call.
    pub fn cancels(&self) -> bool {
        matches!(&self.start, Start::Spawn(spawn)
            if spawn.when != When::InCall && spawn.handle == Handle::CancelAndJoin)
    }

    /// When the job is ended, where that is the business of a thread.
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

    /// Whether nothing happens to the job while it is at work.
    pub fn is_exact(&self) -> bool {
        self.when() != Some(When::Free) || (self.failure().is_none() && !self.cancels())
    }

    /// How the run may end, `own` being how the store has ended it. Several where it depends on who is quicker.
    pub fn endings(&self, own: Option<Ending>) -> Vec<Ending> {
        let own = own.unwrap_or(match self.start {
            Start::Nothing => Ending::status(HRESULT::S_OK),
            _ => Ending::ABORTED,
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

    /// Whether several threads report at once, in no order that could be foretold.
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
