//! `Results`: the host's results of the calls, and the events and signals that are withheld.

use crate::abi::HRESULT;
use crate::event::{DoneEvent, Signal};
use crate::testing::ThreadNumber;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The results of a provider, shared by it, its objects and its runs.
#[derive(Default)]
pub(super) struct Results {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: Vec<(&'static str, HRESULT, ThreadNumber)>,
    /// The number of runs that own a reference to the host's callback.
    running: usize,
    provider_is_dropped: bool,
    /// They are dropped with the results, which closes the events and sends the signals.
    withheld: (Vec<DoneEvent>, Vec<Signal>),
}

impl Results {
    pub(super) fn returned(&self) -> Vec<(&'static str, HRESULT)> {
        let state = self.lock();
        let calls = state.calls.iter();
        calls.map(|(method, code, _)| (*method, *code)).collect()
    }

    pub(super) fn threads(&self) -> Vec<ThreadNumber> {
        let state = self.lock();
        state.calls.iter().map(|(_, _, thread)| *thread).collect()
    }

    pub(super) fn wait_ended(&self, timeout: Duration) -> bool {
        let is_running = |state: &mut State| state.running > 0;
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, is_running);
        waited.unwrap_or_else(PoisonError::into_inner).0.running == 0
    }

    pub(super) fn wait_for_drop(&self) {
        let is_alive = |state: &mut State| !state.provider_is_dropped;
        let _state = self.changed.wait_while(self.lock(), is_alive);
    }

    pub(super) fn provider_dropped(&self) {
        self.lock().provider_is_dropped = true;
        self.changed.notify_all();
    }

    pub(super) fn withhold_signal(&self, signal: Signal) {
        self.lock().withheld.1.push(signal);
    }

    /// Counts a new run, until the result is dropped.
    pub(super) fn run(results: &Arc<Results>) -> Running {
        results.lock().running += 1;
        Running(results.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run of a provider. It ends when this is dropped.
pub(super) struct Running(Arc<Results>);

impl Running {
    pub(super) fn record(&self, method: &'static str, code: HRESULT) {
        let call = (method, code, ThreadNumber::current());
        self.0.lock().calls.push(call);
    }

    pub(super) fn withhold_event(&self, event: Option<DoneEvent>) {
        self.0.lock().withheld.0.extend(event);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}
