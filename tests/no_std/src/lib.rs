//! A COM object in a library without std. Its panic handler is the proof: if anything linked std, there would be two.
#![no_std]

extern crate alloc;

use alloc::alloc::{GlobalAlloc, Layout};
use alloc::string::String;
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{Class, ComObject, ComPtr, GUID, HRESULT, ImplementedBy, Interface, Thunk};

#[repr(C)]
struct ILength {
    vtbl: *const ILengthVtbl,
}

#[repr(C)]
struct ILengthVtbl {
    base: IUnknownVtbl,
    length: unsafe extern "system" fn(this: *mut ILength) -> u32,
}

// SAFETY: one pointer to a vtable that begins with IUnknown's, under an IID of its own.
unsafe impl Interface for ILength {
    type Vtbl = ILengthVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x5);
}

struct Text(String);

impl Class for Text {
    type Interfaces = (ILength,);
}

// SAFETY: `Thunk`'s slots, and a method that uses this index.
unsafe impl<const INDEX: usize> ImplementedBy<Text, INDEX> for ILength {
    const VTABLE: &'static ILengthVtbl = &ILengthVtbl {
        base: Thunk::<Text, INDEX>::UNKNOWN,
        length: length::<INDEX>,
    };
}

unsafe extern "system" fn length<const INDEX: usize>(this: *mut ILength) -> u32 {
    // SAFETY: only the vtable of this index holds this function.
    unsafe { Thunk::<Text, INDEX>::payload(this) }.0.len() as u32
}

/// Makes an object and asks it for its interface.
#[unsafe(no_mangle)]
pub extern "C" fn make_and_ask() -> HRESULT {
    let object = ComObject::new(Text(String::from("no std")));
    let answer: mapisync::Result<ComPtr<ILength>> = object.cast();
    answer.map_or_else(|error| error.hresult(), |_| HRESULT::S_OK)
}

struct None;

// SAFETY: it never gives out memory.
unsafe impl GlobalAlloc for None {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: None = None;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
