//! Structs whose fields have other offsets than C gives the fields of the list.

#[repr(C)]
struct WrongWayRound {
    ulFlags: u32,
    ulSize: u32,
}
mapisync::struct_layout! { WrongWayRound { ulSize: u32, ulFlags: u32 } }

#[repr(C, packed)]
struct Packed {
    ulFlags: u32,
    punkCallBack: *mut u8,
}
mapisync::struct_layout! { Packed { ulFlags: u32, punkCallBack: *mut u8 } }

#[repr(C, align(16))]
struct OverAligned {
    ulFlags: u32,
}
mapisync::struct_layout! { OverAligned { ulFlags: u32 } }

fn main() {}
