//! `RunFuture`: waits for the end of a run without blocking a thread of the executor.

use crate::abi::HRESULT;
use crate::error::{Error, Result};
use crate::event::{DoneEvent, pin_module};
use crate::host::SyncRun;
use crate::host::run_state::{RunEvent, SharedState};
use crate::primitive::{Mutex, thread};
use crate::wakers::WaiterId;
use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::PoisonError;
use std::time::Duration;

/// A future for the end of a run, made by awaiting a [`SyncRun`] or a reference to one.
///
/// It is ready when the callback's `done` has returned or panicked, *and* the run's
/// [`event`](SyncRun::event), if it has one, is signaled. It needs no runtime:
///
/// - `Done` wakes the task, on the store's thread.
/// - If the event is not signaled by then, one thread waits for it and wakes the task.
///
/// The future of a store that never calls `Done`, or never signals its event, is never ready, so
/// await it with a timeout. In the second case the waiting thread stays, too.
///
/// Dropping the future does not affect the run. To keep the run, in order to cancel it, await a
/// reference:
///
/// ```
/// use mapisync::{HRESULT, Result, SyncRun};
/// use std::time::Duration;
///
/// async fn finish(run: SyncRun) -> Result<HRESULT> {
///     if let Ok(status) = tokio::time::timeout(Duration::from_secs(30), &run).await {
///         return status;
///     }
///     run.cancel(); // the store's next report fails
///     tokio::time::timeout(Duration::from_secs(5), run).await.unwrap_or(Err(HRESULT::MAPI_E_TIMEOUT.into()))
/// }
/// # mod tokio { pub mod time {
/// #     pub async fn timeout<F: IntoFuture>(_: std::time::Duration, f: F) -> Result<F::Output, ()> { Ok(f.await) }
/// # } }
/// ```
///
/// # Errors
///
/// It fails as [`SyncRun::wait`] does, except that it has no timeout, and also in these cases:
///
/// - [`Error::Event`] if the handle cannot be duplicated for the thread that waits for the event.
/// - [`Error::Thread`] if that thread cannot be started.
///
/// In each case [`status`](SyncRun::status) returns the status of the run.
#[must_use = "a future does nothing unless it is awaited"]
pub struct RunFuture {
    state: SharedState,
    event: RunEvent,
    id: WaiterId,
    /// The result of the thread that waits for the event, once there is such a thread.
    event_wait: Option<EventWait>,
}

/// The result of a wait for the event. It is `None` while the thread waits.
type EventWait = Arc<Mutex<Option<Result<()>>>>;

impl RunFuture {
    fn new(state: SharedState, event: RunEvent) -> RunFuture {
        RunFuture { state, event, id: WaiterId::new(), event_wait: None }
    }

    /// Returns whether the event is signaled. If not, a thread wakes the task when it is.
    fn poll_event(&mut self, context: &Context<'_>, event: &DoneEvent) -> Poll<Result<()>> {
        let event_wait = match &self.event_wait {
            Some(event_wait) => event_wait,
            None => {
                match event.wait(Some(Duration::ZERO)) {
                    Err(Error::Timeout { .. }) => {}
                    result => return Poll::Ready(result),
                }
                let event_wait = self.wait_for_event(event)?;
                self.event_wait.insert(event_wait)
            }
        };
        self.state.wakers.poll(self.id, context, || {
            let mut result = event_wait.lock().unwrap_or_else(PoisonError::into_inner);
            result.take()
        })
    }

    /// Starts a thread that waits for the event.
    fn wait_for_event(&self, event: &DoneEvent) -> Result<EventWait> {
        let event = event.try_clone()?;
        // The thread may run code of this library after the last COM object is gone.
        pin_module().map_err(Error::Thread)?;
        let event_wait = EventWait::default();
        let (shared, state) = (event_wait.clone(), self.state.clone());
        thread::Builder::new()
            .name("mapisync event".into())
            .spawn(move || {
                let result = event.wait(None);
                drop(event);
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                state.wakers.wake_all();
            })
            .map_err(Error::Thread)?;
        Ok(event_wait)
    }
}

impl Future for RunFuture {
    type Output = Result<HRESULT>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<HRESULT>> {
        let this = self.get_mut();
        let state = &this.state;
        let Poll::Ready(status) = state.wakers.poll(this.id, context, || state.end()) else {
            return Poll::Pending;
        };
        let run_event = this.event.clone();
        match run_event.get() {
            Some(event) => this.poll_event(context, event).map_ok(|()| status),
            None => Poll::Ready(Ok(status)),
        }
    }
}

impl Drop for RunFuture {
    fn drop(&mut self) {
        self.state.wakers.remove(self.id);
    }
}

impl IntoFuture for SyncRun {
    type Output = Result<HRESULT>;
    type IntoFuture = RunFuture;

    fn into_future(self) -> RunFuture {
        RunFuture::new(self.state, self.event)
    }
}

impl IntoFuture for &SyncRun {
    type Output = Result<HRESULT>;
    type IntoFuture = RunFuture;

    /// The future shares the run's event, and may outlive the run.
    fn into_future(self) -> RunFuture {
        RunFuture::new(self.state.clone(), self.event.clone())
    }
}

impl fmt::Debug for RunFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunFuture")
            .field("status", &self.state.status())
            .field("event", &self.event.get())
            .finish_non_exhaustive()
    }
}
