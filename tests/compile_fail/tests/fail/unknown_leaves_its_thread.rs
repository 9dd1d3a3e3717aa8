//! A bare `IUnknown` may belong to an object that lives in a single-threaded apartment.

use mapisync::ComPtr;
use mapisync::abi::IUnknown;

fn hand_over(unknown: ComPtr<IUnknown>) {
    std::thread::spawn(move || drop(unknown));
}

fn main() {
    let _ = hand_over;
}
