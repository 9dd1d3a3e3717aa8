//! A bare `IUnknown` must stay on its thread, because its object may belong to a single-threaded
//! apartment.

use mapisync::ComPtr;
use mapisync::abi::IUnknown;

fn hand_over(unknown: ComPtr<IUnknown>) {
    std::thread::spawn(move || drop(unknown));
}

fn main() {
    let _ = hand_over;
}
