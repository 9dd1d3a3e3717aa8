//! Several threads may call an object at the same time, so its payload must be `Sync`. A class must
//! implement every interface in its list. A bare `IUnknown` must stay on its thread, because its
//! object may belong to a single-threaded apartment.

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{Class, ComObject, ComPtr, HRESULT, MapiSync, MapiSyncProgressCallback, Result};
use std::cell::Cell;

struct Steps(Cell<u32>);

impl MapiSyncProgressCallback for Steps {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

struct Runs(Cell<u32>);

impl Class for Runs {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Runs {
    fn synchronize_in_background(&self, request: mapisync::SyncRequest<'_>) -> Result<()> {
        request.spawn(|_| Ok(()))
    }
}

struct WithoutVtable;

impl Class for WithoutVtable {
    type Interfaces = (IMAPISync,);
}

fn hand_over(unknown: ComPtr<IUnknown>) {
    std::thread::spawn(move || drop(unknown));
}

fn main() {
    let _ = ComObject::new(Runs(Cell::new(0)));
    let _ = ComPtr::<IMAPISync>::new("not a store");
    let _ = hand_over;
}
