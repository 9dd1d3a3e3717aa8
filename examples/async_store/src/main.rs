//! A host that awaits a run of the async store: `async_store [SECONDS]`.
//!
//! It cancels the run after that many seconds, 60 by default, or when Ctrl-C is pressed.

use async_store::{Server, Store, finish};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, HRESULT, MapiSyncProgressCallback, Result, SyncFlags, SyncHost};
use std::time::Duration;
use tokio::runtime::Handle;

/// Shows the progress on the terminal.
struct Dialog;

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        println!("{:9} {index:2} of {max}", step.unwrap_or_default());
        Ok(())
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        println!("{code}: {}", message.unwrap_or_default());
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(()) // the run's future has the status
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok());
    let limit = Duration::from_secs(seconds.unwrap_or(60));
    let server = Server::new(25, Duration::from_millis(100));
    let sync = ComPtr::<IMAPISync>::new(Store::new(Handle::current(), server));

    // From here on, only COM pointers connect the two sides.
    let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
    let status = finish(run, limit, Duration::from_secs(5)).await?;
    println!("Status    {status}");
    Ok(())
}
