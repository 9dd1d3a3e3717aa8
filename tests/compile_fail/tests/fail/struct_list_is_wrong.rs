//! Lists that name other fields or other types than the structs have.

#[repr(C)]
struct NotListed {
    ulSize: u32,
    ulFlags: u32,
}
mapisync::struct_layout! { NotListed { ulSize: u32 } }

#[repr(C)]
struct NotThere {
    ulSize: u32,
}
mapisync::struct_layout! { NotThere { ulSize: u32, ulFlags: u32 } }

#[repr(C)]
struct Widened {
    ulSize: u32,
    ulFlags: u64,
}
mapisync::struct_layout! { Widened { ulSize: u32, ulFlags: u32 } }

fn main() {}
