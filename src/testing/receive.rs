//! The receiving of a call by a [`Recorder`].

use super::state::{Returns, TRAIT_CALLS};
use super::{Call, Method, RecordedCall, Recorder, ThreadNumber};
use crate::abi::HRESULT;
use crate::error::Result;
use crate::event::DoneEvent;
use crate::host::MapiSyncProgressCallback;
use alloc::string::String;
use alloc::sync::Arc;
use core::mem;

impl Recorder {
    /// Records a call, follows the script, and returns the script's result.
    ///
    /// # Panics
    ///
    /// If the script demands it, or if the call was blocked for too long.
    pub(super) fn receive(
        &self,
        run: usize,
        call: Call,
        event: Option<DoneEvent>,
    ) -> Result<HRESULT> {
        let (index, event) = self.record(run, &call, event);
        let mut returned = SetReturned { recorder: self, index, code: HRESULT::E_UNEXPECTED };
        if call.method() == Method::Progress {
            self.block();
        }
        let (hook, panics, returns) = {
            let mut state = self.lock();
            let hook = state.script.hook.clone();
            let panics = state.script.panics(call.method());
            (hook, panics, state.returns(run, &call))
        };
        if let Some(hook) = hook {
            hook(&call);
        }
        assert!(!panics, "the recorder's script says that {} panics", call.method());
        let result = match returns {
            Returns::Code(code) => Ok(code),
            Returns::With(decide) => decide(&call),
        };
        drop(event);
        returned.code = match &result {
            // A method of the trait cannot return another success code than `S_OK`.
            Ok(code) if run == TRAIT_CALLS && code.is_ok() => HRESULT::S_OK,
            Ok(code) => *code,
            Err(error) => error.hresult(),
        };
        result
    }

    /// Receives a call through the trait.
    fn receive_through_trait(&self, call: Call, event: Option<DoneEvent>) -> Result<()> {
        self.receive(TRAIT_CALLS, call, event)?.ok().map(drop)
    }

    /// Records a call. Returns its index, and the event if this call must close it.
    fn record(
        &self,
        run: usize,
        call: &Call,
        event: Option<DoneEvent>,
    ) -> (usize, Option<DoneEvent>) {
        let time = self.elapsed();
        let mut state = self.lock();
        let has_event = event.is_some();
        let (mut event, mut event_was_signaled) = (event, false);
        if call.method() == Method::Done {
            let run_state = &mut state.runs[run];
            let is_first = !mem::replace(&mut run_state.is_done, true);
            let is_signaled = |event: Option<&DoneEvent>| event.is_some_and(DoneEvent::is_signaled);
            event_was_signaled = is_signaled(run_state.event.as_deref());
            if is_first || run == TRAIT_CALLS {
                event_was_signaled |= is_signaled(event.as_ref());
            } else if let Some(event) = event.take() {
                // The first `Done` closed a handle. If this one has the same number, it may belong
                // to another object.
                let _left_open = event.into_raw();
            }
            if run_state.is_watched && run_state.event.is_none() {
                let own = event.as_ref().and_then(|event| event.try_clone().ok());
                run_state.event = own.map(Arc::new);
            }
            if state.script.keeps_event {
                state.kept.extend(event.take());
            }
        }
        state.calls.push(RecordedCall {
            call: call.clone(),
            run,
            thread: ThreadNumber::current(),
            time,
            returned: None,
            has_event,
            event_was_signaled,
        });
        let index = state.calls.len() - 1;
        drop(state);
        self.notify();
        (index, event)
    }

    /// Blocks until `release` is called. Does nothing unless the script says so.
    fn block(&self) {
        let Some(limit) = self.lock().script.block_limit else {
            return;
        };
        let state = self.wait(limit, |state| state.script.block_limit.is_none());
        let is_released = state.script.block_limit.is_none();
        drop(state);
        assert!(
            is_released,
            "Progress was blocked for {limit:?}, and Recorder::release was not called"
        );
    }
}

/// When dropped, sets the code that a call returns to the store, also if the call panics.
struct SetReturned<'a> {
    recorder: &'a Recorder,
    index: usize,
    code: HRESULT,
}

impl Drop for SetReturned<'_> {
    fn drop(&mut self) {
        let mut state = self.recorder.lock();
        let call = &mut state.calls[self.index];
        call.returned = Some(self.code);
        if let Call::Done(status) = call.call {
            let run = call.run;
            state.runs[run].status.get_or_insert(status);
            state.status.get_or_insert(status);
        }
        drop(state);
        self.recorder.notify();
    }
}

impl MapiSyncProgressCallback for Recorder {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        let call = Call::Progress(step.map(String::from), index, max);
        self.receive_through_trait(call, None)
    }

    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        let call = Call::Error(code, message.map(String::from));
        self.receive_through_trait(call, None)
    }

    fn done(&self, status: HRESULT) -> Result<()> {
        self.done_with_event(None, status)
    }

    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.receive_through_trait(Call::Done(status), event)
    }
}
