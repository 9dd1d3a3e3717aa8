//! An async store, whose work is a task of [`tokio`], and its host, which awaits the run.
//!
//! - This file is the store. It starts a job, moves it to a task, and returns.
//! - [`finish`] is the host's part: it awaits a run with a timeout. `src/main.rs` is the program.
//! - [`Server`] stands in for a mail server.
//!
//! mapisync itself needs no runtime. A run is a future, and so is a job's request to stop.

mod host;
mod server;

pub use host::finish;
pub use server::Server;

use mapisync::{ExclusiveRun, MapiSync, ProgressBar, Result, SyncJob, SyncRequest};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::runtime::Handle;

/// The longest time without a report. The host can cancel only through the result of a report.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// The store.
///
/// One run at a time: a second call fails with `MAPI_E_BUSY` while the first run is in progress. A
/// call after [`log_off`](Store::log_off) fails with `MAPI_E_OFFLINE`.
///
/// ```
/// use async_store::{Server, Store};
/// use mapisync::testing::Outlook;
/// use mapisync::{ComPtr, abi::IMAPISync};
/// use std::time::Duration;
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let server = Server::new(3, Duration::ZERO);
/// let sync = ComPtr::<IMAPISync>::new(Store::new(runtime.handle().clone(), server));
/// Outlook::new().run(&sync).assert_ok().assert_no_leaks();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Store {
    runtime: Handle,
    server: Server,
    run: ExclusiveRun,
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        let job = self.run.start(request)?;
        let server = self.server.clone();
        self.runtime.spawn(async move {
            let result = tokio::select! {
                result = receive(&job, &server) => result,
                error = job.canceled() => Err(error), // `receive` is dropped
            };
            job.finish(result); // a panic drops the job instead, which ends the run, too
        });
        Ok(())
    }
}

/// Receives all messages.
async fn receive(job: &SyncJob, server: &Server) -> Result<()> {
    let connecting = job.bar(1);
    connecting.step("Connecting")?;
    let mut stream = BufReader::new(server.connect());
    let total = with_reports(&connecting, stream.read_u64()).await??;

    let bar = job.bar(total);
    bar.step("Receiving")?;
    let mut lines = stream.lines();
    for _ in 0..total {
        let line = with_reports(&bar, lines.next_line()).await??;
        let _message = line.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
        bar.advance(1)?; // a real store saves the message first
    }
    Ok(())
}

/// Awaits a future, and reports the position again while it is pending. Fails if the host cancels.
async fn with_reports<F: Future>(bar: &ProgressBar<'_>, future: F) -> Result<F::Output> {
    let mut future = pin!(future);
    loop {
        match tokio::time::timeout(REPORT_INTERVAL, &mut future).await {
            Ok(output) => return Ok(output),
            Err(_elapsed) => bar.advance(0)?,
        }
    }
}

impl Store {
    /// Makes a store whose runs are tasks of a runtime.
    ///
    /// A task calls the host's `Progress` and `Done`, which may block its thread. The runtime
    /// should therefore have several threads.
    pub fn new(runtime: Handle, server: Server) -> Store {
        Store { runtime, server, run: ExclusiveRun::default() }
    }

    /// Cancels the run and waits for its end. Returns whether it has ended within `timeout`. The
    /// store accepts no later run.
    ///
    /// It blocks, as `IMsgStore::StoreLogoff` does, so it must not be called in a task of the
    /// store's runtime.
    #[must_use = "a run that has not ended still uses the store's data"]
    pub fn log_off(&self, timeout: Duration) -> bool {
        self.run.stop(timeout)
    }
}
