//! A class must implement every interface in its list.

use mapisync::Class;
use mapisync::abi::IMAPISync;

struct Store;

impl Class for Store {
    type Interfaces = (IMAPISync,);
}

fn main() {}
