//! An interface in the list, and nothing that implements it.

use mapisync::Class;
use mapisync::abi::IMAPISync;

struct Store;

impl Class for Store {
    type Interfaces = (IMAPISync,);
}

fn main() {}
