//! A store must implement `MapiSync`.

use mapisync::ComPtr;
use mapisync::abi::IMAPISync;

fn main() {
    let _ = ComPtr::<IMAPISync>::new("not a store");
}
