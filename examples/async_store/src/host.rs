//! `finish`: awaits a run.

use mapisync::{HRESULT, Result, SyncRun};
use std::time::Duration;
use tokio::time::timeout;

/// Waits for the end of a run, and cancels it after `limit` or when Ctrl-C is pressed. Returns the
/// status that the store passed to `Done`.
///
/// A store may never call `Done` or never signal its event. Its run is never ready, so this
/// function fails with `MAPI_E_TIMEOUT` if a canceled run does not end within `grace`.
///
/// ```
/// use mapisync::{HRESULT, Result, SyncRun};
/// use std::time::Duration;
///
/// async fn receive(run: SyncRun) -> Result<HRESULT> {
///     async_store::finish(run, Duration::from_secs(600), Duration::from_secs(5)).await
/// }
/// ```
pub async fn finish(run: SyncRun, limit: Duration, grace: Duration) -> Result<HRESULT> {
    tokio::select! {
        ended = timeout(limit, &run) => if let Ok(status) = ended {
            return status;
        },
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    run.cancel(); // the store's next report fails
    let ended = timeout(grace, run).await;
    ended.unwrap_or_else(|_elapsed| Err(HRESULT::MAPI_E_TIMEOUT.into()))
}
