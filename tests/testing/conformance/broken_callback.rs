//! A callback that breaks one rule.

use mapisync::abi::IMAPISyncProgressCallback;
use mapisync::{ComPtr, DoneEvent, HRESULT, MapiSyncProgressCallback, Result};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};

/// The rule that the callback breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    BelongsToItsThread,
    NeedsAStep,
    NeedsAMaximum,
    RefusesWarnings,
    NeedsAMessage,
    NeedsAnEvent,
    KeepsItself,
    /// `Error` does not return until the state is dropped.
    Hangs,
}

/// RPC_E_WRONG_THREAD
const WRONG_THREAD: HRESULT = HRESULT(0x8001_010E_u32 as i32);

pub struct BrokenCallback {
    fault: Fault,
    thread: ThreadId,
    state: Arc<State>,
}

/// The state of a callback, which the test keeps.
#[derive(Default)]
pub struct State {
    own: OnceLock<usize>,
    kept: Mutex<Vec<ComPtr<IMAPISyncProgressCallback>>>,
    released: (Mutex<bool>, Condvar),
}

impl State {
    /// Ends everything that the callback has left behind.
    pub fn release(&self) {
        self.kept.lock().unwrap().clear();
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }
}

pub fn broken_callback(fault: Fault) -> (ComPtr<IMAPISyncProgressCallback>, Arc<State>) {
    let state = Arc::<State>::default();
    let callback = ComPtr::<IMAPISyncProgressCallback>::new(BrokenCallback {
        fault,
        thread: thread::current().id(),
        state: state.clone(),
    });
    state.own.set(callback.as_raw().expose_provenance()).unwrap();
    (callback, state)
}

fn refuse(condition: bool, code: HRESULT) -> Result<()> {
    if condition { Err(code.into()) } else { Ok(()) }
}

impl MapiSyncProgressCallback for BrokenCallback {
    fn progress(&self, step: Option<&str>, _: u32, max: u32) -> Result<()> {
        let is_foreign = thread::current().id() != self.thread;
        refuse(self.fault == Fault::BelongsToItsThread && is_foreign, WRONG_THREAD)?;
        refuse(self.fault == Fault::NeedsAStep && step.is_none(), HRESULT::E_INVALIDARG)?;
        refuse(self.fault == Fault::NeedsAMaximum && max == 0, HRESULT::E_INVALIDARG)?;
        if self.fault == Fault::KeepsItself {
            let own = std::ptr::with_exposed_provenance_mut(*self.state.own.get().unwrap());
            // SAFETY: this is a call of the object, so it is alive. The test releases the reference.
            let own = unsafe { ComPtr::from_raw_borrowed(own) }.unwrap();
            self.state.kept.lock().unwrap().push(own);
        }
        Ok(())
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        refuse(self.fault == Fault::RefusesWarnings && code.is_ok(), HRESULT::E_INVALIDARG)?;
        refuse(self.fault == Fault::NeedsAMessage && message.is_none(), HRESULT::E_INVALIDARG)?;
        if self.fault == Fault::Hangs {
            let (released, changed) = &self.state.released;
            drop(changed.wait_while(released.lock().unwrap(), |released| !*released));
        }
        Ok(())
    }

    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }

    fn done_with_event(&self, event: Option<DoneEvent>, _: HRESULT) -> Result<()> {
        refuse(self.fault == Fault::NeedsAnEvent && event.is_none(), HRESULT::E_HANDLE)
    }
}
