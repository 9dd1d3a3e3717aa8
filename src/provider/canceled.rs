//! `Canceled`: waits for a request to stop without blocking a thread.

use crate::error::Error;
use crate::provider::run_state::RunState;
use crate::wakers::WaiterId;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// A future that is ready when a job is asked to stop, made by
/// [`SyncJob::canceled`](crate::SyncJob::canceled). Its output is the error with which the job
/// should end, [`Error::Host`] or [`Error::Canceled`].
///
/// It borrows nothing, and holds no reference to a COM object. If the job ends without a request to
/// stop, it is never ready.
///
/// ```
/// use mapisync::{Result, SyncJob};
/// use std::future::{self, Future};
/// use std::pin::pin;
/// use std::task::Poll;
///
/// /// Awaits `work` until the host or the store cancels, as `tokio::select!` does.
/// async fn unless_canceled<T>(job: &SyncJob, work: impl Future<Output = Result<T>>) -> Result<T> {
///     let (mut canceled, mut work) = (pin!(job.canceled()), pin!(work));
///     future::poll_fn(|context| match canceled.as_mut().poll(context) {
///         Poll::Ready(error) => Poll::Ready(Err(error)),
///         Poll::Pending => work.as_mut().poll(context),
///     })
///     .await
/// }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Canceled {
    state: Arc<RunState>,
    id: WaiterId,
}

impl Canceled {
    pub(super) fn new(state: Arc<RunState>) -> Canceled {
        Canceled { state, id: WaiterId::new() }
    }
}

impl Future for Canceled {
    type Output = Error;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Error> {
        let state = &self.state;
        state.wakers().poll(self.id, context, || state.check_stop_request().err())
    }
}

impl Drop for Canceled {
    fn drop(&mut self) {
        self.state.wakers().remove(self.id);
    }
}

impl fmt::Debug for Canceled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceled").finish_non_exhaustive()
    }
}
